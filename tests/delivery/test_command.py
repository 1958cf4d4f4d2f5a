"""`reckon monitor` with sinks: what it says, and its exit code."""

from __future__ import annotations

import pytest
from tests.delivery.parts import dead, lake_of, lines
from tests.delivery.servers import receiver
from tests.monitor.commands import configure, reckon

from deadreckon.core.lake import Lake
from deadreckon.monitor import store

AT = "2026-10-01T12:00:00Z"
RULE = """
[[rules]]
name = "slow answers"
metric = "latency_p95_ms"
window = "5m"
above = 1000
"""
FINE = ["--fail-on", "none"]


@pytest.fixture
def folder(tmp_path):
    """A folder with a lake in which something fires."""
    lake_of(tmp_path / "lake")
    return tmp_path


def sink(kind, name="s", **keys):
    return f'[[sinks]]\nkind = "{kind}"\nname = "{name}"\n' + "".join(
        f"{k} = {v}\n" if isinstance(v, int) else f'{k} = "{v}"\n' for k, v in keys.items()
    )


def test_alerts_are_delivered_after_they_are_kept(folder):
    """The same change is an event in the lake and a line in the file, under one key."""
    configure(folder, RULE + sink("file", path=folder / "out.jsonl"))
    code, answer, err = reckon("monitor", "--as-of", AT, folder=folder)
    assert (code, answer["alerts_written"]) == (1, 1)
    assert "sink s: 1 message delivered" in err
    (line,) = lines(folder / "out.jsonl")
    assert line["event_id"] == store.transitions(Lake.open(folder / "lake"))[0].event_id
    assert reckon("monitor", "--as-of", AT, folder=folder)[2] == ""


def test_a_failed_delivery_is_exit_code_4_and_the_rest_goes_on(folder):
    """States, events and the other sinks are as ever; the next run delivers it and is well again."""
    with receiver(500, 200) as server:
        hook = sink("webhook", "pager", url=server.url, tries=1)
        configure(folder, RULE + hook + sink("file", path=folder / "out.jsonl"))
        code, answer, err = reckon("monitor", "--as-of", AT, *FINE, folder=folder)
        assert (code, answer["alerts_written"], len(lines(folder / "out.jsonl"))) == (4, 1, 1)
        assert "error: sink pager: 1 message not delivered: 127.0.0.1" in err
        assert "hint: the next run delivers them" in err
        code, _, err = reckon("monitor", "--as-of", AT, *FINE, folder=folder)
        assert (code, err) == (0, "sink pager: 1 message delivered\n")
    assert server.keys()[0] == server.keys()[1]


def test_what_fires_wins_over_what_was_not_delivered(folder):
    """An alert is news whatever else is wrong."""
    with receiver(400) as server:
        configure(folder, RULE + sink("webhook", url=server.url, max_attempts=1))
        code, _, err = reckon("monitor", "--as-of", AT, folder=folder)
    assert code == 1
    assert "1 message given up, kept in" in err
    assert len(dead(Lake.open(folder / "lake"))) == 1


def test_a_sink_that_cannot_work_is_refused_before_anything_runs(folder, monkeypatch):
    """No window is evaluated, so nothing is found that could not be told."""
    monkeypatch.delenv("HOOK_KEY", raising=False)
    configure(folder, RULE + sink("webhook", url="https://example.org", secret_env="HOOK_KEY"))
    code, answer, err = reckon("monitor", "--as-of", AT, "--format", "json", folder=folder)
    assert code == 2
    assert "HOOK_KEY" in str(answer) + err
    assert not Lake.open(folder / "lake").has_table(store.ALERT_STATES)


def test_a_dry_run_delivers_nothing(folder):
    """It writes nothing at all: the sink is not even noted, and begins with the run that is none."""
    configure(folder, RULE + sink("file", path=folder / "out.jsonl"))
    reckon("monitor", "--as-of", AT, "--dry-run", folder=folder)
    assert not (folder / "out.jsonl").exists()
    assert not Lake.open(folder / "lake").has_table(store.ALERT_STATES)
    reckon("monitor", "--as-of", AT, folder=folder)
    assert len(lines(folder / "out.jsonl")) == 1
