"""What waits for a sink: told once and in order, tried again, given up, and never in the way of the other sinks."""

from __future__ import annotations

import json

import pytest
from tests.delivery.parts import SLOW, Time, alert, dead, evaluate, lake_of, lines, post
from tests.delivery.servers import mailbox, receiver
from tests.monitor.lakes import HOUR, NOON, monitor

from deadreckon.core.durable import exclusive_lock
from deadreckon.core.settings import Settings
from deadreckon.delivery import sayings
from deadreckon.delivery.agenda import wanted
from deadreckon.delivery.courier import pause
from deadreckon.monitor import waiting

DAY = 24 * HOUR


@pytest.fixture
def lake(tmp_path):
    """Something fires at noon; five minutes later one is resolved and one silent."""
    return lake_of(tmp_path / "lake")


def hook(url, **keys):
    return {"kind": "webhook", "url": url, "tries": 1, **keys}


def said(server):
    return [(r.json["labels"]["model_version"], r.json["state"]) for r in server.got]


def test_every_change_is_told_once_oldest_first(lake):
    """Run by run, and nothing where nothing changed."""
    with receiver() as server:
        way = post(hook(server.url))
        evaluate(lake, way)
        (first,) = way.deliver(lake)
        evaluate(lake, way, at=300)
        (second,) = way.deliver(lake)
        (third,) = way.deliver(lake)
    assert said(server) == [("v1", "firing"), ("v2", "firing"), ("v1", "resolved"), ("v2", "no_data")]
    assert [(o.told, o.failed) for o in (first, second, third)] == [(2, False), (2, False), (0, False)]
    assert len(set(server.keys())) == 4


def test_a_new_sink_begins_with_the_present(lake):
    """Not with the past; but what the run finds that first knows it, it hears."""
    monitor(lake, SLOW, at=0)
    with receiver() as server:
        way = post(hook(server.url))
        evaluate(lake, way, at=300)
        way.deliver(lake)
    assert said(server) == [("v1", "resolved"), ("v2", "no_data")]


def test_a_sink_of_a_lake_without_alerts_begins_with_the_first(lake):
    """There is no table yet: it is made, and the sink noted in it."""
    way = post({"kind": "file", "path": str(lake.root / "out.jsonl")})
    way.begin(lake)
    way.begin(lake)
    assert way.deliver(lake)[0].told == 0
    monitor(lake, SLOW, at=0)
    assert way.deliver(lake)[0].told == 2


def test_what_fails_waits_for_the_next_run(lake):
    """Untold, not lost, in order; and what was told before the failure is not told again."""
    with receiver(200, 500, 200) as server:
        way = post(hook(server.url))
        evaluate(lake, way)
        (failed,) = way.deliver(lake)
        assert (failed.told, failed.left, failed.failed) == (1, 1, True)
        assert "answered 500" in failed.problem
        evaluate(lake, way, at=300)
        (done,) = way.deliver(lake)
    assert (done.told, done.left, done.failed) == (3, 0, False)
    assert said(server) == [("v1", "firing"), ("v2", "firing"), ("v2", "firing"), ("v1", "resolved"), ("v2", "no_data")]
    assert waiting(lake, "sink:s").alerts == ()
    ledger = json.loads((lake.root / "_delivery" / "s.json").read_text())
    assert (ledger["done"], ledger["tries"]) == ({}, {})


def test_a_message_is_tried_several_times_with_pauses_that_grow(lake):
    """Up to the number of tries; with full chance the pauses are their bounds."""
    time = Time()
    with receiver(500, 500, 500, 200) as server:
        way = post(hook(server.url, tries=4), time=time)
        evaluate(lake, way)
        assert way.deliver(lake)[0].told == 2
    assert time.slept == [0.5, 1.0, 2.0]
    assert len(server.got) == 5
    assert server.keys()[0] == server.keys()[3]


def test_pauses_are_random_up_to_a_bound():
    """So that many monitors that failed together do not come back together; and never longer than the bound."""
    assert pause(1, Time().clock(0.5)) == 0.25
    assert pause(3, Time().clock(0.0)) == 0.0
    assert pause(50, Time().clock(1.0)) == 15.0


def test_a_round_ends_even_where_a_receiver_wants_to_be_left_alone_for_an_hour(lake):
    """The wait would outlast the round, so the next run comes back instead."""
    time = Time()
    with receiver(503, Retry_After="3600") as server:
        way = post(hook(server.url, tries=10), time=time)
        evaluate(lake, way)
        (outcome,) = way.deliver(lake)
    assert (outcome.left, time.slept, len(server.got)) == (2, [], 1)


def test_a_receiver_is_left_alone_for_as_long_as_it_asks(lake):
    """Where the round has the time for it."""
    time = Time()
    with receiver(503, 200, Retry_After="7") as server:
        way = post(hook(server.url, tries=2), time=time)
        evaluate(lake, way)
        assert way.deliver(lake)[0].told == 2
    assert time.slept == [7.0]


def test_a_sink_that_comes_back_goes_on_where_it_was(lake):
    """Taken out of the settings and put back, it hears what it missed."""
    with receiver() as server:
        way = post(hook(server.url))
        evaluate(lake, way)
        way.deliver(lake)
        monitor(lake, SLOW, at=300)
        assert way.deliver(lake)[0].told == 2
    assert len(set(server.keys())) == 4


def test_what_is_left_when_the_time_of_a_round_is_over_waits(lake):
    """A receiver that takes very long for each message does not hold up cron."""
    time = Time()

    def slow():
        time.at += 61

    with receiver(slow) as server:
        way = post(hook(server.url), time=time)
        evaluate(lake, way)
        assert [(o.told, o.left, o.problem) for o in way.deliver(lake)] == [(1, 1, "60 s were over")]
        assert way.deliver(lake)[0].left == 0
    assert len(server.got) == len(set(server.keys())) == 2


def test_a_message_that_is_refused_does_not_hold_up_the_others(lake):
    """It alone stays, and after so many attempts it is a dead letter, once, with all that is known of it."""
    with receiver(400, 200, 400, 200) as server:
        way = post(hook(server.url, max_attempts=2))
        evaluate(lake, way)
        assert [(o.told, o.left, o.dead) for o in way.deliver(lake)] == [(1, 1, 0)]
        assert dead(lake) == []
        (outcome,) = way.deliver(lake)
        assert (outcome.told, outcome.left, outcome.dead, outcome.failed) == (0, 0, 1, True)
        assert way.deliver(lake)[0].dead == 0
    (letter,) = dead(lake)
    assert (letter["sink"], letter["tries"], letter["event_id"]) == ("s", 2, server.keys()[0])
    assert letter["message"] == server.got[0].json
    assert "answered 400" in letter["reason"]
    assert any("1 message given up, kept in" in line for line in sayings([outcome], lake))


def test_what_cannot_be_told_for_too_long_becomes_dead_letters(lake):
    """All that is too old goes together; what is younger waits on."""
    time = Time()
    with receiver(500) as server:
        way = post(hook(server.url, max_age_hours=1), time=time)
        evaluate(lake, way)
        time.at = NOON + HOUR - 1
        assert [(o.left, o.dead) for o in way.deliver(lake)] == [(2, 0)]
        evaluate(lake, way, at=300)
        time.at = NOON + HOUR + 1
        assert [(o.left, o.dead) for o in way.deliver(lake)] == [(2, 2)]
        server.acts = [200]
        assert [(o.told, o.left, o.dead) for o in way.deliver(lake)] == [(2, 0, 0)]
    assert [(d["message"]["labels"]["model_version"], d["message"]["state"]) for d in dead(lake)] == [
        ("v1", "firing"),
        ("v2", "firing"),
    ]


def test_what_is_old_is_tried_before_it_is_given_up(lake):
    """A machine that was off for two days tells what it had not told."""
    time = Time()
    with receiver() as server:
        way = post(hook(server.url, max_age_hours=1), time=time)
        evaluate(lake, way)
        time.at += 2 * DAY
        assert [(o.told, o.dead) for o in way.deliver(lake)] == [(2, 0)]


def test_sinks_fail_for_themselves(lake, tmp_path):
    """One hangs, one is refused, one has a ledger that was damaged: the others are told, and each says its own."""
    (lake.root / "_delivery").mkdir()
    (lake.root / "_delivery" / "torn.json").write_text('{"done": ')
    with receiver("hang") as hangs, receiver(403) as refuses, mailbox() as mail:
        way = post(
            hook(hangs.url, name="hangs", timeout_s=0.5),
            hook(refuses.url, name="refuses"),
            {"name": "torn", "kind": "file", "path": str(tmp_path / "torn.jsonl")},
            {"name": "file", "kind": "file", "path": str(tmp_path / "out.jsonl")},
            {"name": "mail", "kind": "email", "host": "127.0.0.1", "port": mail.port, "security": "none"}
            | {"from": "a@example.org", "to": ["b@example.org"]},
        )
        evaluate(lake, way)
        outcomes = {o.sink: o for o in way.deliver(lake)}
    assert {name: o.told for name, o in outcomes.items()} == {"hangs": 0, "refuses": 0, "torn": 0, "file": 2, "mail": 2}
    assert [name for name, o in outcomes.items() if o.failed] == ["hangs", "refuses", "torn"]
    assert "cannot be read" in outcomes["torn"].problem
    assert len(lines(tmp_path / "out.jsonl")) == len(mail.mails) == 2
    text = "\n".join(sayings(list(outcomes.values()), lake))
    assert "sink file: 2 messages delivered" in text
    assert "error: sink refuses: 2 messages not delivered: 127.0.0.1" in text
    assert "hint: the next run delivers them" in text


def test_one_process_at_a_time_delivers_to_a_sink(lake):
    """The other says so, and it is no failure: whoever holds the lock tells it all."""
    with receiver() as server:
        way = post(hook(server.url))
        evaluate(lake, way)
        with exclusive_lock(lake.lock_path("sink-s"), what="delivery"):
            (outcome,) = way.deliver(lake)
        assert (outcome.elsewhere, outcome.failed, server.got) == (True, False, [])
        assert way.deliver(lake)[0].told == 2


def test_what_another_monitor_adds_meanwhile_is_told_too(lake):
    """It found the sink taken, so the one who has it tells what it left."""
    with receiver() as server:
        way = post(hook(server.url))
        server.acts = [lambda: monitor(lake, SLOW, at=300), 200]
        evaluate(lake, way)
        assert way.deliver(lake)[0].told == 4
    assert len(set(server.keys())) == 4


@pytest.mark.parametrize(
    ("filters", "change", "told"),
    [
        ({}, {}, True),
        ({}, {"state": "pending"}, False),
        ({}, {"state": "ok", "previous": "pending"}, False),
        ({}, {"state": "ok", "previous": "no_data"}, True),
        ({}, {"state": "ok", "previous": "error"}, True),
        ({"states": ["firing"]}, {"state": "ok", "previous": "no_data"}, False),
        ({"states": ["firing"]}, {"state": "resolved"}, False),
        ({"states": ["pending"]}, {"state": "pending"}, True),
        ({"severities": ["info", "warning"]}, {}, False),
        ({"labels": {"team": "agents"}}, {}, True),
        ({"labels": {"team": ["models", "agents"], "model_version": "v2"}}, {}, True),
        ({"labels": {"team": "agents", "model_version": "v1"}}, {}, False),
        ({"labels": {"region": "eu"}}, {}, False),
        ({"labels": {"team": "agents"}}, {"labels": {"team": None}}, False),
    ],
)
def test_a_sink_hears_what_it_asks_for(filters, change, told):
    """By state, severity and labels; who heard that something is broken also hears that it is over."""
    table = {"name": "s", "kind": "stdout", **filters}
    (sink,) = Settings.model_validate({"sinks": [table]}).sinks
    assert wanted(sink, alert(**change)) is told


def test_what_a_sink_does_not_want_does_not_wait_for_it(lake):
    """It is passed over for good, so that a filter that changes later does not bring the past."""
    with receiver() as server:
        way = post(hook(server.url, labels={"model_version": "v2"}))
        evaluate(lake, way)
        assert way.deliver(lake)[0].told == 1
        way = post(hook(server.url))
        assert way.deliver(lake)[0].told == 0
    assert said(server) == [("v2", "firing")]


def test_a_monitor_that_is_to_end_does_not_wait_for_its_sinks(lake):
    """Though the exception of the signal was lost: what is not told is told by the next run."""
    with receiver("hang") as server:
        way = post(hook(server.url, timeout_s=300.0))
        evaluate(lake, way)
        with pytest.raises(KeyboardInterrupt):
            way.deliver(lake, lambda: bool(server.got))
    assert len(waiting(lake, "sink:s").alerts) == 2
