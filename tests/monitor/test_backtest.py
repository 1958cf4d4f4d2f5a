"""Backtests say what live runs would have said, and write nothing."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from tests.drift.test_rule import REFERENCE, START, TABLE, made
from tests.monitor.commands import configure, reckon
from tests.monitor.kinds.test_kinds import LEDGER, TABLES, lively
from tests.monitor.lakes import HOUR, MINUTE, NOON, Open, add, calls, event, make, monitor

from deadreckon.backtest import Backtest, Incident, backtest, moments, score, told, unfound, within
from deadreckon.backtest.seen import seen
from deadreckon.backtest.sweep import variants
from deadreckon.cli import main
from deadreckon.core.errors import QueryError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.core.sinks import FileSink
from deadreckon.delivery import Clock, Post
from deadreckon.monitor import Rule, current, deed_store, history, load_rules, run
from deadreckon.monitor.alert import Alert
from deadreckon.monitor.asking import asker
from deadreckon.monitor.inhibit import Policy
from deadreckon.monitor.kinds.threshold import ThresholdRule
from deadreckon.monitor.lifecycle import silence
from deadreckon.monitor.matcher import parse
from deadreckon.monitor.remember import Remembered
from deadreckon.profiles import profile

__all__ = ["made"]

Said = list[tuple[Any, ...]]
HELD = {
    "name": "held",
    "metric": "error_rate",
    "group_by": ["service"],
    "window": "10m",
    "every": "5m",
    "delay": "4m",
    "above": 0.15,
    "for": "10m",
    "keep_firing_for": "10m",
    "forget_after": "1h",
}


def replay(lake: Lake, rules: Sequence[Rule], start: float, end: float, every: int = 5 * MINUTE) -> Backtest:
    """A backtest between seconds after NOON, on the views of the lake."""
    opened = Open(lake)
    try:
        runs = moments(NOON + start, NOON + end, every)
        return backtest(lake, [[rule] for rule in rules], lambda _: nullcontext(opened), runs)
    finally:
        opened.close()


def said(alerts: Sequence[Alert]) -> Said:
    """What transitions say, in an order of their own; values as far as sums of doubles are alike."""
    rows = [
        (
            *(a.stream.rule, a.stream.labels, a.stream.window_end, a.stream.state, a.previous, a.stream.since),
            *(a.stream.active_since, a.stream.n, a.stream.reason, a.severity, a.window_start),
            None if a.stream.value is None else float(f"{a.stream.value:.9g}"),
        )
        for a in alerts
    ]
    return sorted(rows, key=repr)


def test_a_backtest_says_what_live_runs_said(tmp_path: Path) -> None:
    """Every kind, run by run with states committed in between on one side; on the other nothing is written."""
    rules = load_rules([*TABLES, HELD, {"name": "broken", "sql": "SELECT 1 AS valu", "window": "1m", "above": 1}])
    live = make(tmp_path / "live", list(lively()), ledger=LEDGER)
    opened = Open(live)
    runs = moments(NOON - 5 * HOUR, NOON, 7 * MINUTE)
    for moment in runs:
        monitor(live, *rules, at=moment - NOON, ask=lambda: nullcontext(opened))
    opened.close()
    before = sorted(p for p in live.root.rglob("*") if p.is_file())
    found = replay(live, rules, -5 * HOUR, 0, 7 * MINUTE)
    assert sorted(p for p in live.root.rglob("*") if p.is_file()) == before
    assert said([c.alert for t in found.trails for c in t.changes]) == said(history(live))
    assert len([t for t in found.trails if t.firings]) > 8
    assert found.trails[-1].states["error"] == found.trails[-1].windows > 0


def test_drift_is_replayed_as_it_was_judged(made: Path, tmp_path: Path) -> None:
    """Hour by hour, calibrations and what is remembered included; nothing is put beside the lake's tables."""
    shutil.copytree(made, tmp_path / "still")
    still = Lake.open(tmp_path / "still")
    # A feature that was silent, and so forgotten, comes back: nothing is remembered of it.
    back = [START + (REFERENCE + 48) * 3600 - NOON + i * 60 for i in range(8 * 60)]
    ages = {"features": json.dumps({"size": 3.1, "age": 41.0}), "model_version": "7", "kind": "prediction"}
    add(still, [event(at, **ages) for at in back])
    profile(still)
    shutil.copytree(still.root, tmp_path / "live")
    live = Lake.open(tmp_path / "live")
    slow = {"name": "slow", "slow_reference": "2026-07-16..2026-07-30"}
    rules = load_rules([TABLE | {"forget_after": "2h"}, TABLE | slow])
    settings = Settings(lake=str(live.root))
    runs = moments(START + (REFERENCE - 12) * 3600, START + (REFERENCE + 56) * 3600, 3 * HOUR)
    for at in runs:
        run(live, rules, lambda: asker(live, settings), as_of=at, now=at)
    before = sorted(still.root.rglob("*"))
    found = backtest(still, [[rule] for rule in rules], lambda lake: asker(lake, settings), runs)
    assert sorted(still.root.rglob("*")) == before
    assert said([c.alert for t in found.trails for c in t.changes]) == said(history(live))
    assert found.trails[0].firings[0].labels["subject"] == "feature:age"
    assert found.trails[0].gone  # the feature that vanished was forgotten, as it was
    memories = {(a.stream.rule, a.stream.labels): a.stream.memory for a in current(live)}
    assert memories == {(t.rule.name, key): s.memory for t in found.trails for key, s in t.streams.items()}


class Failing(ThresholdRule):
    """A rule that remembers, and cannot be evaluated in one window."""

    def remembered(self, _lake: Lake, _memories: Any, first: int, last: int) -> Iterator[tuple[int, list[Remembered]]]:
        """Its windows up to there."""
        for step in range(first, last + 1):
            if step == BROKEN:
                raise QueryError("the file is gone", hint="")
            yield step, [Remembered({}, 1.0, 1, "", f"{step}", {})]


BROKEN = NOON // 300 - 1


@pytest.mark.parametrize("every", [5 * MINUTE, 15 * MINUTE])
def test_what_fails_is_the_window_that_was_asked_for(tmp_path: Path, every: int) -> None:
    """Live and replayed, also where one run has several windows; the next run goes on with the window after it."""
    live = make(tmp_path / "lake", [event(-60)])
    rule = Failing.model_validate({"name": "r", "metric": "event_count", "window": "5m", "above": 5})
    runs = moments(NOON - 30 * MINUTE, NOON + 15 * MINUTE, every)
    opened = Open(live)
    for at in runs:
        monitor(live, rule, at=at - NOON, ask=lambda: nullcontext(opened))
    opened.close()
    found = replay(live, [rule], -30 * MINUTE, 15 * MINUTE, every)
    changes = said([c.alert for t in found.trails for c in t.changes])
    assert changes == said(history(live))
    assert [(row[2], row[3]) for row in changes] == [(BROKEN * 300, "error"), (BROKEN * 300 + 300, "ok")]


SINKS = [
    FileSink(kind="file", name="all", path="all", repeat_every="30m"),
    FileSink(kind="file", name="groups", path="groups", group_by=["service"], group_interval="25m", repeat_every="1h"),
    FileSink(kind="file", name="some", path="some", states=["firing"], severities=["critical"]),
]
INHIBIT = [{"source": {"rule": "fresh"}, "target": {"rule": "held"}, "equal": ["service"]}]


def test_messages_are_those_that_live_sinks_got(tmp_path: Path) -> None:
    """Repeats, groups, silences and inhibition, message by message."""
    sinks = [sink.model_copy(update={"path": str(tmp_path / sink.path)}) for sink in SINKS]
    rules = load_rules([HELD, TABLES[1], TABLES[2] | {"severity": "critical"}, TABLES[8]])
    policy = Policy.of(rules, INHIBIT)
    live = make(tmp_path / "live", list(lively()), ledger=LEDGER)
    now = NOON - 4 * HOUR
    silence(live, [parse("rule=sql")], starts_at=now, ends_at=now + HOUR, by="ann", comment="", now=now)
    runs = moments(NOON - 4 * HOUR, NOON, 10 * MINUTE)
    opened = Open(live)
    log: dict[str, list[tuple[int, str]]] = {sink.name: [] for sink in sinks}
    for at in runs:
        post = Post(sinks, {}, clock=Clock(now=lambda at=at: at), policy=policy)  # type: ignore[misc]
        post.begin(live)
        monitor(live, *rules, at=at - NOON, ask=lambda: nullcontext(opened))
        assert not [outcome for outcome in post.deliver(live) if outcome.failed]
        for sink in sinks:
            lines = Path(sink.path).read_text("utf-8").splitlines() if Path(sink.path).exists() else []
            log[sink.name] += [(at, json.loads(line)["subject"]) for line in lines[len(log[sink.name]) :]]
    opened.close()
    found = replay(live, rules, -4 * HOUR, 0, 10 * MINUTE)
    got = told(found, sinks, deed_store.read(live), policy)
    assert {t.sink: _unrepeated(t.log) for t in got} == {name: _unrepeated(one) for name, one in log.items()}
    assert all(t.messages == len(t.log) > 2 for t in got)
    assert got[0].repeats > 0
    assert got[0].withheld > 0


def _unrepeated(log: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Without what repeats measure: a live one says the newest value, a replayed one that of the last change."""
    return [(at, re.sub(r"(is still firing(?: \([^)]*\))?): .*?, since", r"\1, since", said)) for at, said in log]


def test_an_alert_has_its_beginning_its_peak_and_its_end(tmp_path: Path) -> None:
    """Delay counts from the first breached window to the run that told; a quick return is flapping."""
    slow = [*calls(-50 * MINUTE, 300, duration_ms=500), *calls(-40 * MINUTE, 300, duration_ms=900)]
    again = calls(-30 * MINUTE, 300, duration_ms=700)
    usual = [event(-HOUR + i * 20, status="ok", duration_ms=10.0) for i in range(180)]
    lake = make(tmp_path / "lake", [*usual, *slow, *again])
    rule = load_rules(
        [{"name": "slow", "metric": "latency_p50_ms", "window": "5m", "above": 100, "for": "0s", "delay": "3m"}]
    )[0]
    trail = replay(lake, [rule], -55 * MINUTE, 0).trails[0]
    first, second, third = trail.firings
    assert (first.breached, first.start, first.end) == (NOON - 45 * MINUTE, NOON - 45 * MINUTE, NOON - 40 * MINUTE)
    assert (first.raised, first.settled) == (NOON - 40 * MINUTE, NOON - 35 * MINUTE)  # 3m later, when cron came by
    assert [f.peak for f in (first, second, third)] == [500, 900, 700]
    assert [f.flapping for f in (first, second, third)] == [False, True, True]
    assert trail.firing_seconds(NOON) == 15 * MINUTE
    assert trail.states == {"no_data": 1, "ok": 2, "firing": 3, "resolved": 6}


def test_an_incident_is_found_by_what_was_raised_in_its_time(tmp_path: Path) -> None:
    """By the run that told, not by the windows it looked at; the first look after the end still counts."""
    usual = [event(-HOUR + i * 20, status="ok", duration_ms=10.0) for i in range(180)]
    lake = make(tmp_path / "lake", [*usual, *calls(-40 * MINUTE, 300, duration_ms=900)])
    table = {"name": "slow", "metric": "latency_p99_ms", "window": "30m", "every": "5m", "above": 100, "delay": "3m"}
    runs = moments(NOON - 55 * MINUTE, NOON, 5 * MINUTE)
    trail = replay(lake, load_rules([table]), -55 * MINUTE, 0).trails[0]
    (alert,) = trail.firings
    # Its window reaches back for half an hour, and it is open for as long.
    assert (alert.raised, alert.settled) == (NOON - 30 * MINUTE, NOON)
    before = Incident(NOON - 54 * MINUTE, NOON - 45 * MINUTE)
    it = Incident(NOON - 40 * MINUTE, NOON - 36 * MINUTE, labels={"service": "any"})
    after = Incident(NOON - 20 * MINUTE, NOON - 10 * MINUTE)
    another = Incident(NOON - 40 * MINUTE, NOON - 35 * MINUTE, rule="another")
    how = score(trail, [before, it, after, another], runs)
    assert (how.incidents, how.found, how.false, how.delays) == (3, 1, 0, (10 * MINUTE,))
    assert (how.missed, how.already) == ((before,), (after,))
    assert score(trail, [before, after], runs).false == 1
    assert unfound([trail], [before, it, after, another], runs) == [before, after, another]
    later = Incident(NOON + HOUR, NOON + 2 * HOUR)
    assert within([before, later], runs) == [before]


def test_clear_thresholds_go_along_with_a_sweep() -> None:
    """In proportion, on either side; what the rule cannot have is left out, and it is said why."""
    table = {"name": "r", "metric": "error_rate", "window": "5m", "above": 0.2, "clear_above": 0.1}
    rules, refused = variants(table, "above", ["0.05", "0.3", "2"])
    assert [(rule.above, rule.clear_above) for rule in rules] == [(0.05, 0.025), (0.3, 0.15)]
    assert len(refused) == 1
    assert "above=2:" in refused[0]
    assert "is a share" in refused[0]
    table = {"name": "r", "sql": "SELECT 1 AS value", "window": "5m", "below": 0, "clear_below": 3}
    rules, refused = variants(table, "below", ["-5", "5"])
    assert [(rule.below, rule.clear_below) for rule in rules] == [(-5, -2), (5, 8)]
    assert not refused


def test_a_sweep_measures_once(tmp_path: Path) -> None:
    """Each variant says what it would alone, for the queries of one."""
    lake = make(tmp_path / "lake", list(lively()))
    table = {"name": "p50", "metric": "latency_p50_ms", "window": "20m", "every": "10m", "above": 70, "clear_above": 60}
    rules, _ = variants(table, "above", ["35", "56", "70", "84"])
    assert [rule.clear_above for rule in rules] == [30, 48, 60, 72]
    opened = Open(lake)
    runs = moments(NOON - 5 * HOUR, NOON, 5 * MINUTE)
    together = backtest(lake, [rules], lambda _: nullcontext(opened), runs).trails
    alone = backtest(lake, [[rule] for rule in rules], lambda _: nullcontext(opened), runs).trails
    opened.close()
    assert [said([c.alert for c in t.changes]) for t in together] == [said([c.alert for c in t.changes]) for t in alone]
    assert len({t.firing_seconds(NOON) for t in together}) > 2
    assert {t.queries for t in together} == {alone[0].queries}


def test_late_events_are_hidden_from_runs_before_them(tmp_path: Path) -> None:
    """With --as-ingested a run knows what had come by then, as live runs did while it came in parts."""
    rng = random.Random(5)
    lake, events = make(tmp_path / "live"), list(lively())
    for row in events:
        row["ingested_at"] = row["ts"] + int(rng.expovariate(1 / 400) * 1_000_000)
    rules = load_rules([*TABLES[:6], *TABLES[7:], HELD])  # without the one that reads the ledger
    settings = Settings(lake=str(lake.root))
    runs = moments(NOON - 2 * HOUR, NOON, 15 * MINUTE)
    events.sort(key=lambda row: row["ingested_at"])
    for at in runs:
        new = [row for row in events if row["ingested_at"] <= at * 1_000_000]
        add(lake, new)
        events = events[len(new) :]
        opened = Open(lake)
        monitor(lake, *rules, at=at - NOON, ask=lambda opened=opened: nullcontext(opened))
        opened.close()
    add(lake, events)
    variants = [[rule] for rule in rules]
    found = backtest(lake, variants, lambda pinned: seen(pinned, settings, runs[0], runs[-1]), runs)
    assert said([c.alert for t in found.trails for c in t.changes]) == said(history(lake))
    assert said([c.alert for t in replay(lake, rules, -2 * HOUR, 0, 15 * MINUTE).trails for c in t.changes]) != said(
        history(lake)
    )


def test_a_lake_that_was_filled_later_has_seen_nothing(folder: Path) -> None:
    """Then --as-ingested says so, and does not find every window empty."""
    late = event(-60, status="ok", ingested_at=(NOON + HOUR) * 1_000_000)
    shutil.rmtree(folder / "lake")
    make(folder / "lake", [late])
    code, found, err = reckon("monitor", "backtest", *PERIOD, "--as-ingested", folder=folder)
    assert (code, found) == (2, {})
    assert "all ingested after its end" in err


RULES = """
[[rules]]
name = "slow"
metric = "latency_p50_ms"
window = "5m"
above = 100
[[rules]]
name = "broken"
sql = "SELECT 1 AS valu"
window = "1h"
above = 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Settings with two rules, and a lake with an hour that is slow in its middle."""
    make(tmp_path / "lake", [*calls(-HOUR, 60, spacing=60), *calls(-30 * MINUTE, 300, duration_ms=500)])
    configure(tmp_path, RULES)
    return tmp_path


PERIOD = ("--from", "2026-10-01T11:05:00Z", "--to", "2026-10-01T12:00:00Z")


def test_the_command_says_it_all(folder: Path) -> None:
    """JSON holds rules, alerts, messages and, with --details, changes; a rule that never works is exit code 2."""
    code, found, err = reckon("monitor", "backtest", *PERIOD, "--details", folder=folder)
    assert code == 2
    assert "no sinks" in err
    assert (found["runs"], found["from"]) == (12, "2026-10-01T11:05:00+00:00")
    slow, broken = found["rules"]
    assert (slow["windows"], slow["alerts"], slow["firing_s"], slow["delay_s"]) == (12, 1, 300, 0)
    assert (broken["error_share"], broken["why_error"][0]["windows"]) == (1.0, 2)
    (alert,) = found["alerts"]
    assert (alert["start"], alert["end"], alert["peak"]) == (
        "2026-10-01T11:35:00+00:00",
        "2026-10-01T11:40:00+00:00",
        500,
    )
    assert [c["state"] for c in found["changes"] if c["rule"] == "slow"] == ["firing", "resolved"]
    assert found["messages"][0]["rules"] == {"slow": 2, "broken": 1}
    assert not (folder / "lake" / "alert_states").exists()


def test_the_command_sweeps_and_scores(folder: Path) -> None:
    """A row for each threshold; incidents from CSV and JSON; and rules of another file."""
    (folder / "known.csv").write_text("from,to,rule\n2026-10-01T11:30Z,2026-10-01T11:35Z,slow\n", "utf-8")
    only = ("--rule", "slow", "--format", "json")
    code, found, _ = reckon(
        *("monitor", "backtest", *PERIOD, *only, "--sweep", "above=50,400,600", "--known", str(folder / "known.csv")),
        folder=folder,
    )
    assert code == 0
    assert [(r["above"], r["alerts"], r["found"]) for r in found["rules"]] == [(50, 1, 0), (400, 1, 1), (600, 0, 0)]
    assert [r["false_alerts"] for r in found["rules"]] == [1, 0, 0]
    assert [r["already_open"] for r in found["rules"]] == [1, 0, 0]  # usual calls are over 50, too
    (folder / "known.json").write_text('[{"from": "2026-10-01T11:30Z", "to": "2026-10-01T11:35Z"}]', "utf-8")
    (folder / "other.toml").write_text(RULES.replace("= 100", "= 450").replace('"slow"', '"other"'), "utf-8")
    more = ("--rules", str(folder / "other.toml"), "--rule", "other", "--known", str(folder / "known.json"))
    _, found, _ = reckon("monitor", "backtest", *PERIOD, *more, folder=folder)
    assert [(r["rule"], r["found"], r["incident_delay_s"]) for r in found["rules"]] == [("other", 1, 300)]


def test_a_table_fits_80_columns(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """One line for each rule, also where its name is long and incidents are held against it; sweeps name the value."""
    monkeypatch.setenv("COLUMNS", "80")
    configure(folder, RULES.replace('"broken"', '"a rule with a name that is long enough to be read twice"'))
    known = folder / "known.csv"
    known.write_text("from,to\n2026-10-01T11:10Z,2026-10-01T11:20Z\n2026-09-01,2026-09-02\n", "utf-8")
    words = ("monitor", "backtest", *PERIOD, "--config", str(folder / "deadreckon.toml"), "--format", "table")
    for more in ((), ("--known", str(known))):
        main([*words, *more])
        said = capsys.readouterr()
        assert all(len(line) <= 80 for line in said.out.splitlines())
        assert said.out.splitlines()[0].split()[:2] == ["rule", "alerts"]
    assert "some rule found 0 of 1 incident; by none 2026-10-01 11:10 to 11:20" in said.err
    assert "1 incident of" in said.err
    main([*words, "--known", str(known), "--rule", "slow", "--sweep", "above=50,600"])
    said = capsys.readouterr()
    assert "rule slow with above = 600: missed 1 of 1: 2026-10-01 11:10 to 11:20" in said.err
    assert [line.split()[0] for line in said.out.splitlines()] == ["above", "50", "600"]


def test_a_sweep_finds_the_one_rule_that_has_the_key(folder: Path) -> None:
    """It needs no name then; where more have it, the hint names those."""
    configure(folder, RULES.replace("above = 1\n", "below = 1\n"))
    code, found, _ = reckon("monitor", "backtest", *PERIOD, "--sweep", "above=400,600", folder=folder)
    assert (code, [(r["rule"], r["above"]) for r in found["rules"]]) == (0, [("slow", 400), ("slow", 600)])
    configure(folder, RULES + '[[rules]]\nname = "few"\nmetric = "event_count"\nwindow = "5m"\nbelow = 1\n')
    code, _, err = reckon("monitor", "backtest", *PERIOD, "--sweep", "above=400,600", folder=folder)
    assert code == 2
    assert json.loads(err)["error"]["hint"] == "choose it with --rule: slow, broken"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--from", "2026-10-01T11:01:00Z", "--to", "2026-10-01T11:02:00Z"), "no multiple of 5m"),
        (("--from", "2026-10-01", "--to", "2999-01-01"), "in the future"),
        (("--from", "2025-10-01", "--to", "2026-10-01", "--every", "10s"), "3,153,601 runs are more than 1,000,000"),
        ((*PERIOD, "--rule", "slwo"), "there is no rule 'slwo'"),
        ((*PERIOD, "--sweep", "above=1,2"), "--sweep is of one rule"),
        ((*PERIOD, "--rule", "slow", "--sweep", "abve=1"), "cannot vary 'abve'"),
        ((*PERIOD, "--rule", "slow", "--sweep", "above=x"), "'x' is not a number"),
        ((*PERIOD, "--rule", "slow", "--sweep", "for=5"), "is not a duration"),
        ((*PERIOD, "--known", "nowhere.csv"), "nowhere.csv cannot be read"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, words: tuple[str, ...], says: str) -> None:
    """In one line, with exit code 2, before anything is evaluated."""
    code, found, err = reckon("monitor", "backtest", *words, folder=folder)
    assert (code, found) == (2, {})
    assert says in err
