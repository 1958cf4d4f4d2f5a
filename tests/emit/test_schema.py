"""What emit writes is what the lake's columns are declared as."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder
from tests.emit.test_kinds import CASES

from deadreckon import emit
from deadreckon.core.schema import EVENTS, KINDS, LEVELS, STATUSES

TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "timestamp": str,
    "bigint": int,
    "double": (int, float),
    "boolean": bool,
    "json": (str, dict, list),
}


def train() -> None:
    """Write a whole run."""
    with emit.run("train", params={"lr": 0.1}, versions={"dataset": "v1"}, seeds=1) as run, emit.run("trial"):
        run.fold(1, train_start="2026-01", train_end="2026-02", test_start="2026-03", test_end="2026-04")
        run.metric("loss", 0.1, step=1)


def answer() -> None:
    """Write a whole request."""
    with emit.bound(request_id="r", user_id="bob"), emit.span("chat", operation="chat", model="m", input="hi") as span:
        span.first_token()
        span.set(output=[1], input_tokens=1, cost_usd=0.1, stream=True, attempt=1)
        emit.get_logger().info("x")


def fail() -> None:
    """Write errors of all kinds."""
    for error in (ValueError("no"), TimeoutError(), KeyboardInterrupt()):
        with pytest.raises(type(error)), emit.run("bad"), emit.span("bad", tool="t"):
            raise error


@pytest.mark.parametrize("write", [*(write for write, _ in CASES.values()), train, answer, fail])
def test_every_column_has_its_declared_type(spool: SpoolFolder, write: Callable[[], None]) -> None:
    """Ingest would quarantine the line otherwise."""
    spool.configure(capture="text", environment="test")
    write()
    for event in spool.events():
        assert event["kind"] in KINDS
        assert event["level"] in LEVELS
        assert event.get("status", "ok") in STATUSES
        for name, value in event.items():
            if name in EVENTS:
                _check(name, value)


def _check(name: str, value: Any) -> None:
    wanted = TYPES[EVENTS[name].type]
    assert isinstance(value, wanted), f"{name}={value!r}"
    assert isinstance(value, bool) == (wanted is bool), f"{name}={value!r}"
