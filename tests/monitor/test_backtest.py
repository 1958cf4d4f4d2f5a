"""Backtests say what live runs would have said, and write nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tests.monitor.kinds.test_kinds import LEDGER, TABLES, lively
from tests.monitor.lakes import HOUR, MINUTE, NOON, Open, make, monitor

from deadreckon.backtest import Backtest, backtest, moments
from deadreckon.core.lake import Lake
from deadreckon.monitor import Rule, history, load_rules
from deadreckon.monitor.alert import Alert

Told = list[tuple[Any, ...]]


def replay(lake: Lake, rules: Sequence[Rule], start: float, end: float, every: int = 5 * MINUTE) -> Backtest:
    """A backtest between seconds after NOON, on the views of the lake."""
    opened = Open(lake)
    try:
        runs = moments(NOON + start, NOON + end, every)
        return backtest(lake, [[rule] for rule in rules], lambda _: nullcontext(opened), runs)
    finally:
        opened.close()


def said(alerts: Sequence[Alert]) -> Told:
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
    rules = load_rules(
        [
            *TABLES,
            {"name": "held", "metric": "error_rate", "window": "10m", "every": "5m", "above": 0.15, "for": "10m",
             "keep_firing_for": "10m", "delay": "4m", "group_by": ["service"], "forget_after": "1h"},
            {"name": "broken", "sql": "SELECT 1 AS valu", "window": "1m", "above": 1},
        ]
    )  # fmt: skip
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
    assert {t.rule.name for t in found.trails if t.changes} >= {
        "p50",
        "sql",
        "silent",
        "held",
        "broken",
        "beat: service",
    } - {"beat: service"}
