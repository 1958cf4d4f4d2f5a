"""Monitors that are killed between posting and noting so, and monitors that compete."""

from __future__ import annotations

import os
import signal
from collections import Counter
from datetime import UTC, datetime

import pytest
from tests.delivery.parts import SLOW, lake_of, lines
from tests.delivery.servers import receiver
from tests.monitor.commands import configure, start
from tests.monitor.lakes import NOON
from tests.monitor.lakes import monitor as of_the_lake

from deadreckon.core.settings import load
from deadreckon.delivery import Clock, Post
from deadreckon.monitor import store, waiting
from deadreckon.monitor.lifecycle import silence
from deadreckon.monitor.matcher import parse

RULE = """
[[rules]]
name = "slow answers"
metric = "latency_p95_ms"
window = "5m"
above = 1000
group_by = ["model_version"]
"""
RECKON = "import sys; from deadreckon.cli import main; sys.exit(main(sys.argv[1:]))"


def sink(kind, **keys):
    return f'[[sinks]]\nkind = "{kind}"\nname = "{kind}"\n' + "".join(f'{k} = "{v}"\n' for k, v in keys.items())


def monitor(folder, at):
    return start(RECKON, "monitor", "--as-of", datetime.fromtimestamp(NOON + at, UTC).isoformat(), folder=folder)


@pytest.fixture
def lake(tmp_path):
    return lake_of(tmp_path / "lake")


@pytest.mark.fault
@pytest.mark.parametrize("place", [0, 1])
def test_a_monitor_killed_between_posting_and_noting_so_posts_that_message_once_more(tmp_path, lake, place):
    """The receiver kills it before it answers: the message in flight comes again, once, with its key; no other does."""
    running = []
    with receiver() as server:
        server.acts = [200] * place + [lambda: os.kill(running[0].pid, signal.SIGKILL), 200]
        configure(tmp_path, RULE + sink("webhook", url=server.url))
        running.append(monitor(tmp_path, 0))
        running[0].communicate()
        assert running[0].returncode == -signal.SIGKILL
        assert len(server.got) == place + 1
        for at in (0, 0, 300, 300):
            process = monitor(tmp_path, at)
            _, err = process.communicate()
            assert process.returncode == 1, err
    happened = [t.event_id for t in store.transitions(lake)]
    assert len(happened) == 4
    assert Counter(server.keys()) == Counter(happened) + Counter([happened[place]])
    assert server.got[place].body == server.got[place + 1].body
    assert waiting(lake, "sink:webhook").alerts == ()


@pytest.mark.fault
def test_a_monitor_killed_while_it_delivers_loses_nothing_to_the_other_sinks(tmp_path, lake):
    """What the file got before the kill it has; what it had not, it gets."""
    running = []
    with receiver() as server:
        server.acts = [lambda: os.kill(running[0].pid, signal.SIGKILL), 200]
        configure(tmp_path, RULE + sink("webhook", url=server.url) + sink("file", path=tmp_path / "out.jsonl"))
        running.append(monitor(tmp_path, 0))
        running[0].communicate()
        monitor(tmp_path, 0).communicate()
    happened = {t.event_id for t in store.transitions(lake)}
    told = Counter(line["event_id"] for line in lines(tmp_path / "out.jsonl"))
    assert set(told) == set(server.keys()) == happened
    assert sum(told.values()) - len(happened) <= 1


@pytest.mark.fault
def test_monitors_at_the_same_time_tell_each_change_once(tmp_path, lake):
    """Four at once, twice: whoever has a sink tells it all, and the next run what fell in between."""
    with receiver() as server:
        configure(tmp_path, RULE + sink("webhook", url=server.url))
        for at in (0, 300):
            for process in [monitor(tmp_path, at) for _ in range(4)]:
                _, err = process.communicate()
                assert process.returncode == 1, err
        monitor(tmp_path, 300).communicate()
    happened = [t.event_id for t in store.transitions(lake)]
    assert len(happened) == 4
    assert Counter(server.keys()) == Counter(happened)


DELIVER = """
import sys
from deadreckon.core.lake import Lake
from deadreckon.core.settings import load
from deadreckon.delivery import Clock, Post
settings = load()
now = float(sys.argv[1])
(outcome,) = Post(settings.sinks, {}, Clock(now=lambda: now)).deliver(Lake.open(settings.lake))
sys.exit(1 if outcome.failed else 0)
"""


def deliver(folder, at):
    """A process that delivers what there is to tell at that time."""
    return start(DELIVER, str(NOON + at), folder=folder)


def kept(url):
    """The webhook, which hears of groups and repeats, as settings."""
    return sink("webhook", url=url, repeat_every="1h") + 'group_by = ["rule"]\n'


def mute(lake, hours):
    silence(
        lake,
        [parse("rule=slow*")],
        starts_at=NOON,
        ends_at=NOON + hours * 3600,
        by="ann",
        comment="deploy",
        now=NOON,
    )


@pytest.mark.fault
@pytest.mark.parametrize("case", ["change", "unmuted", "repeat"])
def test_a_group_a_repeat_and_what_a_silence_held_back_come_once_more_at_most_after_a_kill(tmp_path, lake, case):
    """The receiver kills who sends before it answers: the same message comes again, with its key, and then no more."""
    running = []
    with receiver() as server:
        configure(tmp_path, RULE + kept(server.url))
        way = Post(load(tmp_path / "deadreckon.toml").sinks, {}, Clock(now=lambda: NOON))
        way.begin(lake)
        if case == "unmuted":
            mute(lake, hours=1)
        of_the_lake(lake, SLOW, at=0)
        if case != "change":
            way.deliver(lake)
        sent = len(server.got)
        assert sent == (1 if case == "repeat" else 0)
        server.acts = [lambda: os.kill(running[0].pid, signal.SIGKILL), 200]
        at = 0 if case == "change" else 3600
        running.append(deliver(tmp_path, at))
        running[0].communicate()
        assert running[0].returncode == -signal.SIGKILL
        # Meanwhile one of the alerts is resolved: what is in flight stays as it is, and that is told after it.
        of_the_lake(lake, SLOW, at=300)
        for _ in range(2):
            process = deliver(tmp_path, at + 300)
            _, err = process.communicate()
            assert process.returncode == 0, err
    first, again, after = server.got[sent:]
    assert first.body == again.body
    assert first.headers["webhook-id"] == again.headers["webhook-id"] != after.headers["webhook-id"]
    assert [a["notice"] for a in first.json["alerts"]] == [case] * 2
    assert [a["state"] for a in after.json["alerts"]] == ["resolved", "no_data"]


@pytest.mark.fault
def test_monitors_at_the_same_time_repeat_once_and_tell_once_what_a_silence_held_back(tmp_path, lake):
    """Four at once, each time: who has the sink tells it, and the others find nothing left."""
    with receiver() as server:
        configure(tmp_path, RULE + kept(server.url))
        Post(load(tmp_path / "deadreckon.toml").sinks, {}).begin(lake)
        mute(lake, hours=1)
        of_the_lake(lake, SLOW, at=0)
        for at in (0, 3599, 3600, 3601, 7200, 7201):
            for process in [deliver(tmp_path, at) for _ in range(4)]:
                _, err = process.communicate()
                assert process.returncode == 0, err
    assert [[a["notice"] for a in r.json["alerts"]] for r in server.got] == [["unmuted"] * 2, ["repeat"] * 2]
    assert len(set(server.keys())) == 2
