"""One run of the monitor: every due window of every rule, in order, and one commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Final

from deadreckon.core.errors import CommitConflictError, QueryError
from deadreckon.core.lake import Lake
from deadreckon.monitor import store
from deadreckon.monitor.alert import Alert, iso, tell, told
from deadreckon.monitor.measure import Asker, Meter, Readings
from deadreckon.monitor.pulse import beat
from deadreckon.monitor.remember import Remembering
from deadreckon.monitor.rules import Rule
from deadreckon.monitor.schedule import Due, due
from deadreckon.monitor.stream import WHOLE_RULE, Reading, Stream, Transition, advance, fail, key_of, transition

CHUNK: Final = 250
"""Windows of a metric rule that are measured by one query."""
FAILURES: Final = 3
"""Windows in a row that may fail before the rest of a catch-up is given up: a query that times out must not hold up
the other rules for hours."""
REASON: Final = 500
"""Characters of an error that are kept."""
ATTEMPTS: Final = 10


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found. `alerts` are the present states of the rules asked for; `transitions` what this run changed."""

    as_of: float
    alerts: tuple[Alert, ...]
    transitions: tuple[Alert, ...]
    windows: int
    """Windows evaluated by this run, over all rules."""
    skipped: dict[str, int]
    """Windows passed over, by rule: too many to catch up, or after repeated failures."""
    run: int
    """The number of the last committed run."""
    others: tuple[Alert, ...] = ()
    """States of rules that this run was not asked for; kept as they were."""
    unknown: dict[str, str] = field(default_factory=dict)
    """Rules of which nobody knows how they stand now, and why: never healthy."""


@dataclass(slots=True)
class Progress:
    """A rule on its way through its windows; `end` is that of the last one (epoch seconds)."""

    rule: Rule
    streams: dict[str, Stream]
    transitions: list[Transition] = field(default_factory=list)
    windows: int = 0
    skipped: int = 0
    end: int | None = None
    forgotten: list[str] = field(default_factory=list)
    """Streams (labels) that are expected no more."""


def run(
    lake: Lake,
    rules: Sequence[Rule],
    ask: Callable[[], AbstractContextManager[Asker]],
    *,
    as_of: float,
    now: float,
    since: float | None = None,
    dry_run: bool = False,
) -> Report:
    """Evaluate every window of these rules that is complete at `as_of` and was not evaluated before.

    `ask` opens what answers SQL on the lake's newest snapshot. `since`: where a rule that was never evaluated begins;
    without it, with its newest complete window. Times are epoch seconds. With `dry_run` nothing is written.

    Raises:
        CommitConflictError: other monitors were faster, again and again.
        LakeError: the lake cannot be read or written.
    """
    for attempt in range(ATTEMPTS):
        if not dry_run:
            store.ensure(lake)
        page = store.read(lake)
        with ask() as asker:
            meter = Meter(asker)
            done = [_evaluate(lake, rule, page, meter, as_of, since) for rule in rules]
        try:
            report = _commit(lake, page, done, as_of, now, dry_run=dry_run)
        except CommitConflictError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            if not dry_run:
                beat(lake, now)
            return report
    raise AssertionError


def _commit(lake: Lake, page: store.Page, done: list[Progress], as_of: float, now: float, *, dry_run: bool) -> Report:
    names = {p.rule.name for p in done}
    others = tuple(a for a in page.alerts if a.stream.rule not in names)
    alerts: list[Alert] = []
    for progress in done:
        if progress.end is None:
            alerts += [a for a in page.alerts if a.stream.rule == progress.rule.name]
        else:
            alerts += [tell(progress.rule, stream) for stream in progress.streams.values()]
    changed = [told(p.rule, t) for p in done for t in p.transitions]
    ends = {p.rule.name: p.end for p in done if p.end is not None}
    number = page.run
    if ends and not dry_run:
        number = store.write(lake, page, [*others, *alerts], changed, ends, now=now)
    return Report(
        as_of,
        tuple(alerts),
        tuple(changed),
        sum(p.windows for p in done),
        {p.rule.name: p.skipped for p in done if p.skipped},
        number,
        others,
        _unknown(page, done, alerts, now),
    )


def _unknown(page: store.Page, done: list[Progress], alerts: list[Alert], now: float) -> dict[str, str]:
    stated = {a.stream.rule for a in alerts}
    found: dict[str, str] = {}
    for rule in (p.rule for p in done):
        evaluated = page.evaluated(rule.name)
        if evaluated is not None and evaluated > now:
            found[rule.name] = (
                f"it was evaluated up to {iso(evaluated)}, which is to come: a clock was wrong. "
                f"reckon alerts --forget {rule.name!r} lets it begin anew"
            )
        elif rule.name not in stated:
            found[rule.name] = "it has no state until its next window is complete"
    return found


def _evaluate(lake: Lake, rule: Rule, page: store.Page, meter: Meter, as_of: float, since: float | None) -> Progress:
    steps = due(rule, evaluated=page.evaluated(rule.name), as_of=as_of, since=since)
    progress = Progress(rule, page.streams(rule.name), skipped=steps.skipped)
    for _ in walk(progress, steps, _measured(lake, meter, rule, progress.streams, steps)):
        pass
    return progress


def walk(progress: Progress, steps: Due, measured: Iterable[tuple[int, Readings | QueryError, bool]]) -> Iterator[int]:
    """Judge what was measured in the windows of one run, in order; gives each step when the progress holds it."""
    rule, failures = progress.rule, 0
    for step, found, alive in measured:
        progress.end = step * rule.step
        progress.windows += 1
        if isinstance(found, QueryError):
            _failed(progress, found)
            failures += 1
            if failures == FAILURES and step < steps.last:
                progress.end = steps.last * rule.step
                progress.skipped += steps.last - step
                _failed(progress, found)
                yield step
                return
        else:
            failures = 0
            _judged(progress, found, alive=alive)
        yield step


def _measured(
    lake: Lake, meter: Meter, rule: Rule, streams: Mapping[str, Stream], steps: Due
) -> Iterator[tuple[int, Readings | QueryError, bool]]:
    if isinstance(rule, Remembering):
        yield from remembered(lake, rule, streams, steps)
        return
    for first in range(steps.first, steps.last + 1, CHUNK):
        yield from chunk(meter, rule, first, min(first + CHUNK - 1, steps.last))


def remembered(
    lake: Lake, rule: Remembering, streams: Mapping[str, Stream], steps: Due
) -> Iterator[tuple[int, Readings | QueryError, bool]]:
    """What a rule that remembers measures in these steps, given its streams before them; at an error it ends."""
    memories = {key: stream.memory for key, stream in streams.items() if stream.memory}
    done = steps.first - 1
    try:
        for done, rows in rule.remembered(lake, memories, steps.first, steps.last):
            # Alive: such a rule says itself when a stream has been silent for too long.
            yield done, {key_of(row.labels): Reading(*row) for row in rows}, True
    except QueryError as error:
        # What comes after a window depends on it: the next run goes on with the one after.
        yield min(done + 1, steps.last), error, False


def chunk(meter: Meter, rule: Rule, first: int, last: int) -> Iterator[tuple[int, Readings | QueryError, bool]]:
    """What a rule measures in the steps first to last, one after the other, and whether the lake holds events there."""
    try:
        alive = meter.alive(rule, first, last)
        readings = meter.metric(rule, first, last) if rule.metric else {}
    except QueryError as error:
        if first == last:
            yield first, error, False
            return
        # One window at a time, so that only those which fail do, as if cron had come by for each.
        for step in range(first, last + 1):
            yield from chunk(meter, rule, step, step)
        return
    for step in range(first, last + 1):
        try:
            yield step, readings.get(step, {}) if rule.metric else meter.sql(rule, step), step in alive
        except QueryError as error:
            yield step, error, step in alive


def _failed(progress: Progress, error: QueryError) -> None:
    reason = " ".join(f"{error.message}{f' ({error.hint})' if error.hint else ''}".split())
    before = progress.streams.get(WHOLE_RULE)
    _move(progress, before, fail(progress.rule, before, progress.end or 0, reason[:REASON]))


def _judged(progress: Progress, readings: Readings, *, alive: bool) -> None:
    rule, end = progress.rule, progress.end or 0
    known = progress.streams
    # A group begins with its first event; rows without one are groups in which nothing of the kind ever happened.
    keys = known.keys() | {k for k, r in readings.items() if r.n != 0 or k == WHOLE_RULE}
    if keys - {WHOLE_RULE} and WHOLE_RULE in known and WHOLE_RULE not in readings:
        # It stood for the rule while that had no groups, or could not be evaluated: the groups speak for it again.
        stood = known[WHOLE_RULE]
        if stood.active_since is None:
            keys.discard(WHOLE_RULE)
            recovered = replace(stood, state="ok", since=end, window_end=end, value=None, n=None, reason="")
            _move(progress, stood, recovered)
            del known[WHOLE_RULE]
    for key in sorted(keys or {WHOLE_RULE}):
        before = known.get(key)
        after = advance(rule, before, end, readings.get(key), key=key, alive=alive)
        _move(progress, before, after)
        if _forgotten(rule, after):
            del known[key]
            progress.forgotten.append(key)


def _move(progress: Progress, before: Stream | None, after: Stream) -> None:
    progress.streams[after.labels] = after
    change = transition(before, after)
    if change:
        progress.transitions.append(change)


def _forgotten(rule: Rule, stream: Stream) -> bool:
    gone = stream.labels != WHOLE_RULE and stream.state == "no_data" and stream.active_since is None
    return gone and stream.window_end - (stream.last_seen or 0) >= rule.forget_after
