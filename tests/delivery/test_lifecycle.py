"""Silenced, taken, inhibited, repeated, grouped: what a sink hears of an alert from its beginning to its end."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from tests.delivery.parts import SLOW, Time, dead, evaluate, lake_of, lines, post
from tests.delivery.servers import receiver
from tests.monitor.lakes import HOUR, NOON, add, calls, make, monitor, rule

from deadreckon.core.doctor import doctor
from deadreckon.core.errors import UsageError
from deadreckon.core.maintenance.transitions import forget as expired
from deadreckon.core.settings import Settings
from deadreckon.delivery import Post
from deadreckon.delivery.agenda import MOST
from deadreckon.delivery.retire import known, retire
from deadreckon.monitor import forget, outbox, store, waiting
from deadreckon.monitor.inhibit import Policy
from deadreckon.monitor.lifecycle import acknowledge, expire, silence
from deadreckon.monitor.matcher import parse

SINK = "sink:s"


class Told:
    """A lake with a slow version that a file hears of, on a clock of the test's own."""

    def __init__(self, folder, *rules, policy=None, **keys) -> None:
        self.rules = rules or (SLOW,)
        self.lake = make(folder / "lake", calls(-200, 5, model_version="v2", duration_ms=5000.0))
        self.out = folder / "out.jsonl"
        self.time = Time()
        table = {"name": "s", "kind": "file", "path": str(self.out), **keys}
        sinks = Settings.model_validate({"sinks": [table]}).sinks
        self.way = Post(sinks, {}, self.time.clock(), policy)
        self.way.begin(self.lake)

    def calls(self, at, duration_ms=100.0, version="v2"):
        """Five calls in the window that ends five minutes after `at`."""
        add(self.lake, calls(at + 10, 5, model_version=version, duration_ms=duration_ms))

    def run(self, at):
        """One run of the monitor: what is told by it."""
        self.time.at = NOON + at
        before = len(lines(self.out))
        monitor(self.lake, *self.rules, at=at)
        (outcome,) = self.way.deliver(self.lake)
        assert not outcome.failed, outcome
        return lines(self.out)[before:]

    def silence(self, *matchers, at=0, hours=2.0):
        return silence(
            self.lake,
            [parse(m) for m in matchers or ("rule=slow*",)],
            starts_at=NOON + at,
            ends_at=NOON + at + int(hours * HOUR),
            by="ann",
            comment="deploy",
            now=NOON + at,
        )


def said(messages):
    return [(m["notice"], m["previous"], m["state"]) for m in messages]


def test_a_silenced_alert_is_told_when_the_silence_is_over(tmp_path):
    """Its state and history are as ever; it is told by the first run after that, though no window is due."""
    told = Told(tmp_path)
    told.silence(hours=1)
    assert told.run(0) == []
    assert [(t.previous, t.stream.state) for t in store.transitions(told.lake)] == [(None, "firing")]
    assert waiting(told.lake, SINK).alerts == ()
    assert told.run(HOUR - 1) == []
    told.time.at = NOON + HOUR
    assert told.way.deliver(told.lake)[0].told == 1
    (message,) = lines(told.out)
    assert said([message]) == [("unmuted", "ok", "no_data")]
    assert message["alert_since"] == "2026-10-01T12:00:00Z"
    assert message["event_id"] in {t.event_id for t in store.transitions(told.lake)}
    assert told.run(HOUR + 1) == []


def test_what_came_and_went_in_a_silence_is_not_told(tmp_path):
    """Neither then nor later."""
    told = Told(tmp_path)
    told.silence(hours=1)
    told.calls(0)
    told.calls(HOUR)
    assert told.run(0) == told.run(300) == told.run(600) == []
    assert told.run(HOUR + 300) == []
    assert [t.stream.state for t in store.transitions(told.lake)] == ["firing", "resolved", "no_data", "ok"]
    told.calls(HOUR + 300, 5000.0)
    assert said(told.run(HOUR + 600)) == [("change", "ok", "firing")]


def test_the_end_of_an_alert_that_was_told_is_told_after_the_silence(tmp_path):
    """Whoever heard it fire has something open that must be closed."""
    told = Told(tmp_path)
    assert said(told.run(0)) == [("change", None, "firing")]
    made = told.silence(at=60)
    told.calls(0)
    assert told.run(300) == []
    expire(told.lake, made.made.id, by="ann", comment="", now=NOON + 400)
    (message,) = told.run(401)
    assert said([message]) == [("unmuted", "firing", "resolved")]
    assert message["event_id"] == store.transitions(told.lake)[-1].event_id
    assert told.run(402) == []


def test_a_silence_holds_for_what_it_matches(tmp_path):
    """And the other alerts of the rule are told."""
    told = Told(tmp_path)
    add(told.lake, calls(-200, 5, model_version="v3", duration_ms=5000.0))
    told.silence("model_version=~v[34]")
    assert [m["labels"]["model_version"] for m in told.run(0)] == ["v2"]


def test_an_alert_that_goes_on_is_repeated(tmp_path):
    """After repeat_every since it was told last, under a new key each time, and not after its end."""
    told = Told(tmp_path, repeat_every="1h")
    for at in range(0, 3 * HOUR, 300):
        told.calls(at, 5000.0)
    told.calls(3 * HOUR)
    found = {
        at: said(told.run(at)) for at in (0, 300, HOUR - 1, HOUR, HOUR + 1, 2 * HOUR + 60, 3 * HOUR, 3 * HOUR + 60)
    }
    repeat = [("repeat", "firing", "firing")]
    assert found == {
        0: [("change", None, "firing")],
        300: [],
        HOUR - 1: [],
        HOUR: repeat,
        HOUR + 1: [],
        2 * HOUR + 60: repeat,
        3 * HOUR: [],
        3 * HOUR + 60: repeat,
    }
    assert said(told.run(3 * HOUR + 300)) == [("change", "firing", "resolved")]
    assert told.run(9 * HOUR)[0]["notice"] == "change"  # no data, which is no repeat
    assert told.run(19 * HOUR) == []
    keys = [m["event_id"] for m in lines(told.out)]
    assert len(set(keys)) == len(keys)


def test_four_hours_unless_said_and_never_where_it_is_zero(tmp_path):
    """As Alertmanager does; also while the data of an open alert are missing."""
    told, never = Told(tmp_path / "a"), Told(tmp_path / "b", repeat_every="0s")
    for each in (told, never):
        each.run(0)
        each.run(300)
    assert told.run(4 * HOUR) == []
    assert said(told.run(4 * HOUR + 300)) == [("repeat", "no_data", "no_data")]
    assert never.run(400 * HOUR) == []


def test_a_clock_that_was_ahead_does_not_keep_it_quiet(tmp_path):
    """It was told tomorrow: it is told again today."""
    told = Told(tmp_path)
    told.time.at = NOON + 24 * HOUR
    monitor(told.lake, SLOW, at=0)
    assert told.way.deliver(told.lake)[0].told == 1
    assert said(told.run(60)) == [("repeat", "firing", "firing")]
    assert told.run(120) == []


def test_an_alert_that_somebody_has_taken_is_not_repeated_and_its_end_is_told(tmp_path):
    """It ends with the alert: the next one is repeated again; so is one that was let go."""
    told = Told(tmp_path, repeat_every="10m")
    told.run(0)
    taken = acknowledge(told.lake, "slow answers", {}, by="bob", comment="mine", now=NOON + 60)
    assert [a.labels["model_version"] for a in taken] == ["v2"]
    for at in (0, 300, 600):
        told.calls(at, 5000.0)
    assert told.run(900) == []
    told.calls(900)
    assert said(told.run(1200)) == [("change", "firing", "resolved")]
    for at in (1200, 1500, 1800, 2100, 2400):
        told.calls(at, 5000.0)
    assert said(told.run(1500)) == [("change", "resolved", "firing")]
    assert said(told.run(2100)) == [("repeat", "firing", "firing")]
    acknowledge(told.lake, "slow answers", {"model_version": "v2"}, by="bob", comment="", now=NOON + 2101)
    assert told.run(2700) == []
    acknowledge(told.lake, "slow answers", {}, by="bob", comment="", now=NOON + 2701, undo=True)
    assert said(told.run(2702)) == [("repeat", "firing", "firing")]


def test_an_alert_that_another_explains_is_told_when_that_one_is_over(tmp_path):
    """If it still fires then."""
    errors = rule(name="errors", metric="error_rate", above=0.5, group_by=["model_version"])
    table = {"source": {"rule": "errors"}, "target": {"rule": "slow*"}, "equal": ["model_version"]}
    told = Told(tmp_path, SLOW, errors, policy=Policy.of([SLOW, errors], [table]))
    add(told.lake, calls(-100, 50, model_version="v2", duration_ms=5000.0, status="error"))
    assert [m["rule"] for m in told.run(0)] == ["errors"]
    told.calls(0, 5000.0)
    assert [(m["rule"], m["notice"], m["state"]) for m in told.run(300)] == [
        ("errors", "change", "resolved"),
        ("slow answers", "unmuted", "firing"),
    ]


def test_a_group_is_one_message_a_run(tmp_path):
    """It lists its alerts, each as it would be told alone; another group is another message."""
    busy = rule(name="busy", metric="event_count", above=1)
    told = Told(tmp_path, SLOW, busy, group_by=["rule"])
    add(told.lake, calls(-200, 5, model_version="v3", duration_ms=5000.0))
    alone, group = sorted(told.run(0), key=lambda m: m["notice"])
    assert (alone["rule"], alone["notice"]) == ("busy", "change")
    assert (group["notice"], group["group"], group["state"]) == ("group", {"rule": "slow answers"}, "firing")
    assert [a["labels"]["model_version"] for a in group["alerts"]] == ["v2", "v3"]
    assert {a["event_id"] for a in group["alerts"]} < {t.event_id for t in store.transitions(told.lake)}
    assert "2 alerts of rule=slow answers" in group["text"]
    assert "and 1 more" in group["subject"]
    told.calls(0)
    (ended,) = [m for m in told.run(300) if m["notice"] == "group"]
    assert [a["state"] for a in ended["alerts"]] == ["resolved", "no_data"]
    assert ended["state"] == "firing"


def test_a_group_that_was_told_waits_for_its_interval_and_collects(tmp_path):
    """The first is told at once, and nothing that waits is a failure or lost."""
    told = Told(tmp_path, group_by=[], group_interval="20m", repeat_every="0s")
    for at, slow in ((0, False), (300, True), (600, False), (900, True)):
        told.calls(at, 5000.0 if slow else 100.0)
    assert said(told.run(0)) == [("change", None, "firing")]
    assert told.run(300) == told.run(600) == told.run(900) == []
    assert len(waiting(told.lake, SINK).alerts) == 3
    (group,) = told.run(1200)
    assert [a["state"] for a in group["alerts"]] == ["resolved", "firing", "resolved", "firing"]
    assert waiting(told.lake, SINK).alerts == ()


@pytest.mark.parametrize("keys", [{"group_by": ["rule"]}, {"repeat_every": "5m"}])
def test_what_failed_is_tried_again_as_it_is(tmp_path, keys):
    """The key and the body of a group and of a repeat stay, though the alerts have moved on."""
    told = Told(tmp_path, repeat_every="0s")
    add(told.lake, calls(-200, 5, model_version="v3", duration_ms=5000.0))
    with receiver(*([200, 200] if "repeat_every" in keys else []), 500, 200) as server:
        way = post({"kind": "webhook", "url": server.url, "tries": 1, "name": "hook", **keys}, time=told.time)
        evaluate(told.lake, way)
        if "repeat_every" in keys:
            assert way.deliver(told.lake)[0].told == 2
            told.time.at += 300
        assert way.deliver(told.lake)[0].left > 0
        told.calls(0)
        told.time.at += 60
        evaluate(told.lake, way, at=300)
        assert way.deliver(told.lake)[0].left == 0
    failed, again, *_ = server.got[0 if "group_by" in keys else 2 :]
    assert failed.body == again.body
    assert failed.headers["webhook-id"] == again.headers["webhook-id"]
    counts = [server.keys().count(key) for key in set(server.keys())]
    assert max(counts) == 2
    assert counts.count(2) == 1


def test_a_group_that_is_refused_becomes_one_dead_letter(tmp_path):
    """With all that it held, and the rest is told."""
    told = Told(tmp_path)
    add(told.lake, calls(-200, 5, model_version="v3", duration_ms=5000.0))
    with receiver(400, 200) as server:
        hook = {"kind": "webhook", "url": server.url, "tries": 1, "name": "hook", "group_by": [], "max_attempts": 1}
        way = post(hook, time=told.time)
        evaluate(told.lake, way)
        (outcome,) = way.deliver(told.lake)
        assert (outcome.told, outcome.left, outcome.dead) == (0, 0, 1)
        assert way.deliver(told.lake)[0].dead == 0
    (letter,) = dead(told.lake)
    assert [a["labels"]["model_version"] for a in letter["message"]["alerts"]] == ["v2", "v3"]


def test_a_ledger_of_an_older_version_is_read(tmp_path):
    """It holds less."""
    told = Told(tmp_path)
    monitor(told.lake, SLOW, at=0)
    (alert,) = waiting(told.lake, SINK).alerts
    folder = told.lake.root / "_delivery"
    folder.mkdir()
    (folder / "s.json").write_text(json.dumps({"done": {alert.event_id: alert.run}, "tries": {}}))
    assert told.run(60) == []
    told.calls(0)
    assert said(told.run(300)) == [("change", "firing", "resolved")]


def test_the_end_of_a_rule_that_is_forgotten_is_told_in_spite_of_a_silence(tmp_path):
    """Nobody could tell later how it stands."""
    told = Told(tmp_path)
    told.run(0)
    told.silence(at=60)
    forget(told.lake, "slow answers", now=NOON + 100)
    assert told.way.deliver(told.lake)[0].told == 1
    assert lines(told.out)[-1]["state"] == "resolved"


def test_a_sink_that_is_retired_holds_nothing_back_and_may_begin_anew(tmp_path):
    """One that is in use, or unknown, is not retired."""
    told = Told(tmp_path)
    monitor(told.lake, SLOW, at=0)
    with pytest.raises(UsageError, match="in use"):
        retire(told.lake, "s", ["s"])
    with pytest.raises(UsageError, match="knows no sink"):
        retire(told.lake, "z", [])
    assert known(told.lake) == ["s"]
    past = {"now": datetime.now(UTC), "retention_days": 1, "dry_run": True}
    outbox.settle(told.lake, waiting(told.lake))  # they are events
    add(told.lake, calls(100, 5, model_version="v2"))
    monitor(told.lake, SLOW, at=300)
    outbox.settle(told.lake, waiting(told.lake))
    assert expired(told.lake, store.ALERT_STATES, tmp_path, **past).rows == 0
    assert retire(told.lake, "s", []) == 2
    assert expired(told.lake, store.ALERT_STATES, tmp_path, **past).rows == 1
    assert known(told.lake) == []
    assert waiting(told.lake, SINK).alerts == ()
    assert outbox.readers(told.lake) == {"events": 2}
    told.way.begin(told.lake)
    assert known(told.lake) == ["s"]
    assert told.run(301) == []
    told.calls(300, 5000.0)
    assert said(told.run(600)) == [("change", "resolved", "firing")]


def test_a_silence_that_begins_later_or_holds_for_everything(tmp_path):
    """The one waits for its time, the other is refused; so is one that is over."""
    told = Told(tmp_path)
    silence(told.lake, [parse("rule=~.+")], starts_at=NOON + 60, ends_at=NOON + HOUR, by="a", comment="", now=NOON)
    assert said(told.run(0)) == [("change", None, "firing")]
    told.calls(0)
    assert told.run(300) == []
    with pytest.raises(UsageError, match="every alert"):
        silence(told.lake, [parse("tool!=x")], starts_at=NOON, ends_at=NOON + 1, by="a", comment="", now=NOON)
    with pytest.raises(UsageError, match="over before"):
        told.silence(hours=0)


def test_a_large_group_comes_in_several_messages(tmp_path):
    """With keys of their own; nothing is left out."""
    told = Told(tmp_path, group_by=[])
    add(told.lake, [c for v in range(130) for c in calls(-200, 1, model_version=f"w{v:03}", duration_ms=5000.0)])
    first, second = told.run(0)
    assert (len(first["alerts"]), len(second["alerts"])) == (MOST, 31)
    assert first["event_id"] != second["event_id"]
    assert told.run(1) == []


def test_a_sinks_file_that_cannot_be_read_is_found_and_put_aside(tmp_path):
    """The run says who mends it; after that the sink hears of what comes."""
    lake, log = lake_of(tmp_path / "lake"), tmp_path / "log.jsonl"
    way = post({"kind": "file", "path": str(log)})
    evaluate(lake, way)
    way.deliver(lake)
    told = len(lines(log))
    state = lake.root / "_delivery" / "s.json"
    for broken in (b'{"done": {', b'{"tries": {}}', b"[]"):
        state.write_bytes(broken)
        (outcome,) = post({"kind": "file", "path": str(log)}).deliver(lake)
        assert "reckon doctor --repair" in outcome.problem
        (finding,) = doctor(lake.root).findings
        assert (finding.kind, finding.subject) == ("delivery_state", "_delivery/s.json")
        assert doctor(lake.root, repair=True).healthy
        assert not state.exists()
    way = post({"kind": "file", "path": str(log)})
    evaluate(lake, way, at=300)
    way.deliver(lake)
    assert len(lines(log)) > told
