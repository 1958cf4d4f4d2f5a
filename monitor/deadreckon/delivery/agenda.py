"""What a sink is to be told now: changes, what was withheld while it was muted, and what has been open for long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from deadreckon.core.sinks import SinkBase
from deadreckon.delivery.ledger import WELL, Flight, Ledger
from deadreckon.delivery.message import Message, Notice, message_of, message_of_group
from deadreckon.monitor.alert import Alert, alert_id, id_of
from deadreckon.monitor.duration import parse_duration
from deadreckon.monitor.matcher import facts_of
from deadreckon.monitor.standing import OPEN, Key, Standing, key_of

MOST: Final = 100
"""Alerts in one message at most: receivers refuse what is too large."""


@dataclass(frozen=True, slots=True)
class Scene:
    """How all alerts stand at one moment."""

    board: Mapping[Key, Alert]
    standings: Mapping[Key, Standing]
    now: float


@dataclass(frozen=True, slots=True)
class Item:
    """One alert to be told of, and why."""

    alert: Alert
    message: Message
    ids: tuple[str, ...] = ()
    """Its transition's event_id, where it is one that waits."""


@dataclass(slots=True)
class Agenda:
    """Messages in the order in which they are sent."""

    flights: list[Flight] = field(default_factory=list)
    waits: bool = False
    """Whether something waits for its group's time."""


def wanted(sink: SinkBase, alert: Alert) -> bool:
    """Whether a sink is told of a transition."""
    state, previous = alert.stream.state, alert.previous
    # Who heard that data are missing or that a rule is broken also hears that this is over.
    heard = state in sink.states or (state == "ok" and previous in sink.states)
    return (
        heard
        and alert.severity in sink.severities
        and all(
            alert.labels.get(name) in ([value] if isinstance(value, str) else value)
            for name, value in sink.labels.items()
        )
    )


def agenda(sink: SinkBase, ledger: Ledger, changes: Sequence[Alert], scene: Scene) -> Agenda:
    """What there is to tell; the ledger learns what is withheld, and holds what could not be made again as it is."""
    flying = {stream for flight in ledger.flights.values() for stream in flight.states}
    aboard = {event_id for flight in ledger.flights.values() for event_id in flight.ids}
    items = _changes(ledger, [a for a in changes if a.event_id not in aboard], flying, scene)
    busy = flying | {stream_of(item.alert) for item in items}
    items += _unmuted(sink, ledger, busy, scene)
    busy |= {stream_of(item.alert) for item in items}
    items += _repeats(sink, ledger, busy, scene)
    found = Agenda(list(ledger.flights.values()))
    if sink.group_by is None:
        new = [_flight(items=[item], now=scene.now) for item in items]
    else:
        new = _grouped(sink, ledger, items, scene.now, found)
    ledger.board(f for f in new if f.group or not f.ids)
    found.flights += new
    return found


def stream_of(alert: Alert) -> str:
    """The name of an alert's stream in a ledger."""
    return orjson.dumps(key_of(alert)).decode()


def _changes(ledger: Ledger, changes: Sequence[Alert], flying: set[str], scene: Scene) -> list[Item]:
    items, heard = [], flying | set(ledger.heard)
    for alert in changes:
        stream, key = stream_of(alert), key_of(alert)
        # Of a stream that is gone nobody could tell later how it stands: its end is told in any case.
        if key in scene.board and scene.standings.get(key, OPEN).muted:
            ledger.withhold(stream, alert)
        elif stream in ledger.owed and stream not in heard and alert.stream.state in WELL:
            ledger.withhold(stream, alert)  # it ends, and nobody heard that it had begun
        else:
            heard.add(stream)
            items.append(Item(alert, message_of(alert), (alert.event_id,)))
    return items


def _unmuted(sink: SinkBase, ledger: Ledger, busy: set[str], scene: Scene) -> list[Item]:
    items, paid = [], []
    for stream in ledger.owed:
        alert = _current(scene, stream)
        if stream in busy or (alert and scene.standings.get(key_of(alert), OPEN).muted):
            continue
        heard = ledger.heard.get(stream)
        if alert is not None and not (heard is None and alert.stream.state in WELL):
            told = replace(alert, previous=heard.state if heard else "ok")
            if told.previous != told.stream.state and wanted(sink, told):
                # The key of the transition that brought it here, which the sink was not told.
                key = alert_id(alert.stream.rule, alert.stream.labels, alert.stream.since, alert.stream.state)
                items.append(_item(told, "unmuted", key))
                continue
        paid.append(stream)
    ledger.paid(paid)
    return items


def _repeats(sink: SinkBase, ledger: Ledger, busy: set[str], scene: Scene) -> list[Item]:
    every = parse_duration(sink.repeat_every)
    items, gone = [], []
    for stream, heard in ledger.heard.items():
        alert = _current(scene, stream)
        if stream in busy or stream in ledger.owed:
            continue
        if alert is None or alert.stream.state in WELL:
            gone.append(stream)
            continue
        standing = scene.standings.get(key_of(alert), OPEN)
        is_open = alert.stream.active_since is not None
        # A clock that was ahead when it was told must not keep it quiet.
        due = every > 0 and not heard.at <= scene.now < heard.at + every
        told = replace(alert, previous=alert.stream.state)
        if due and is_open and not standing.muted and standing.taken is None and wanted(sink, told):
            key = alert_id(alert.stream.rule, alert.stream.labels, int(heard.at), "repeat")
            items.append(_item(told, "repeat", key))
    ledger.drop(gone)
    return items


def _item(alert: Alert, notice: Notice, key: str) -> Item:
    return Item(alert, message_of(alert, notice, key))


def _current(scene: Scene, stream: str) -> Alert | None:
    rule, labels = orjson.loads(stream)
    return scene.board.get((rule, labels))


def _grouped(sink: SinkBase, ledger: Ledger, items: Sequence[Item], now: float, found: Agenda) -> list[Flight]:
    interval = parse_duration(sink.group_interval)
    groups: dict[str, list[Item]] = {}
    for item in items:
        facts = facts_of(item.alert)
        shared = {name: facts.get(name, "") for name in sink.group_by or []}
        groups.setdefault(orjson.dumps(shared).decode(), []).append(item)
    recent = {g for g, at in ledger.groups.items() if at <= now < at + interval}
    ledger.close(set(ledger.groups) - recent)
    found.waits = bool(recent & set(groups))
    told = ((group, held) for group, held in groups.items() if group not in recent)
    return [_flight(items=some, now=now, group=group) for group, held in told for some in _batched(held)]


def _batched(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[first : first + MOST] for first in range(0, len(items), MOST))


def _flight(*, items: Sequence[Item], now: float, group: str = "") -> Flight:
    messages = [item.message for item in items]
    changed = [item.alert for item in items if item.ids]
    message = messages[0]
    if len(messages) > 1:
        shared: dict[str, Any] = orjson.loads(group)
        newest = max(item.alert.stream.window_end for item in items)
        message = message_of_group(shared, messages, id_of(newest, "group", *(m.key for m in messages)))
    return Flight(
        message.key,
        message.subject,
        message.text,
        dict(message.payload),
        min((alert.evaluated_at for alert in changed), default=int(now)),
        max((alert.run for alert in changed), default=0),
        [event_id for item in items for event_id in item.ids],
        {stream_of(item.alert): item.alert.stream.state for item in items},
        group,
    )
