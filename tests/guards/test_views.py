"""From a guard to SQL: what happened is asked of the lake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder

from deadreckon import emit
from deadreckon.emit import _letters as kept
from deadreckon.ingest import ingest
from deadreckon.queries import connect


def ask(spool: SpoolFolder, sql: str) -> list[tuple[Any, ...]]:
    """Ingest what was emitted, and ask."""
    emit.close()
    lake = spool.path.with_name("lake")
    ingest([spool.path], lake)
    with connect(lake) as con:
        return con.sql(sql).fetchall()


def call(tokens: int, cost: float | None = None) -> None:
    """A model call."""
    with emit.span("call", operation="chat", model="m", output_tokens=tokens, cost_usd=cost):
        pass


def test_budgets_spent_says_what_was_left(spool: SpoolFolder) -> None:
    """Of those that held, those that did not, and time-outs; by the limit that was nearest."""
    with emit.bound(request_id="r-1"):
        with emit.budget("held", tokens=100, calls=10):
            call(50, 0.25)
            call(0)
        with pytest.raises(emit.BudgetError), emit.budget("broke", cost_usd=0.5):
            call(1, 0.75)
        with pytest.raises(TimeoutError), emit.timeout(0, "late"):
            pass
    emit.contract("by hand", passed=True, label="budget")
    rows = ask(
        spool,
        "SELECT name, passed, action, reason, spent_tokens, limit_tokens, spent_cost_usd, limit_cost_usd, spent_calls, "
        "unpriced_calls, spent_share, request_id FROM budgets_spent ORDER BY ts",
    )
    assert rows == [
        ("held", True, None, None, 50, 100, 0.25, None, 2, 1, 0.5, "r-1"),
        ("broke", False, "stopped", "0.75 of 0.5 US dollars", 1, None, 0.75, 0.5, 1, 0, 1.5, "r-1"),
        ("late", False, "stopped", "0 s are over", 0, None, 0.0, None, 0, 0, None, "r-1"),
    ]


def test_contracts_are_asked_for_by_function(spool: SpoolFolder) -> None:
    """Which check refused how often."""

    @emit.contract("refund", policy={"below_limit": lambda amount: amount < 100})
    def refund(amount: int) -> None: ...

    refund(5)
    for _ in range(2):
        with pytest.raises(emit.ContractError):
            refund(500)
    rows = ask(
        spool,
        "SELECT name, type, passed, action, json_extract_string(attributes, '$.function'), count(*) "
        "FROM contracts GROUP BY ALL ORDER BY passed DESC",
    )
    assert rows == [
        ("below_limit", "policy", True, None, "refund", 1),
        ("below_limit", "policy", False, "refused", "refund", 2),
    ]


def test_dead_letters_are_where_they_came_to(spool: SpoolFolder, tmp_path: Path) -> None:
    """Open, replayed, dropped or lost, with where the step failed."""

    @emit.deadletter("step", entry="tests.guards.test_views:fine")
    def step(n: int) -> None:
        raise ConnectionError("no route")

    def fail(n: int) -> str:
        with emit.bound(request_id=f"r-{n}"), pytest.raises(ConnectionError):
            step(n)
        return str(kept.letters()[-1]["id"])

    fail(0)
    kept.replay(fail(1))
    kept.drop(fail(2))
    with pytest.raises(ZeroDivisionError):
        kept.replay(fail(3), entry="tests.guards.test_views:broken")
    spool.configure(state=__file__)
    with emit.bound(request_id="r-4"), pytest.raises(ConnectionError):
        step(4)
    rows = ask(
        spool,
        "SELECT request_id, name, state, attempts, entry, error_type, reason IS NULL FROM deadletters ORDER BY 1",
    )
    entry = "tests.guards.test_views:fine"
    assert rows == [
        ("r-0", "step", "open", 1, entry, "ConnectionError", True),
        ("r-1", "step", "replayed", 2, entry, "ConnectionError", True),
        ("r-2", "step", "dropped", 1, entry, "ConnectionError", True),
        ("r-3", "step", "open", 2, entry, "ZeroDivisionError", True),
        ("r-4", "step", "lost", 1, entry, "ConnectionError", False),
    ]


def fine(n: int) -> int:
    """Work."""
    return n


def broken(n: int) -> float:
    """Fail."""
    return n / 0


def test_calls_that_were_not_made_twice_are_decisions(spool: SpoolFolder) -> None:
    """With the key that both share."""

    @emit.idempotent("pay:{order}", name="pay")
    def pay(order: str) -> str:
        return order

    pay("o-1")
    pay("o-1")
    rows = ask(
        spool,
        "SELECT e.name, e.choice, e.idempotency_key FROM events AS e WHERE kind = 'decision' ORDER BY ts, event_id",
    )
    assert rows == [("pay", "run", "pay:o-1"), ("pay", "reused", "pay:o-1")]
