"""Monitors that are killed between posting and noting so, and monitors that compete."""

from __future__ import annotations

import os
import signal
from collections import Counter
from datetime import UTC, datetime

import pytest
from tests.delivery.parts import lake_of, lines
from tests.delivery.servers import receiver
from tests.monitor.commands import configure, start
from tests.monitor.lakes import NOON

from deadreckon.monitor import store, waiting

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
