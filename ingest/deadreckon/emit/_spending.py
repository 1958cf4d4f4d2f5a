"""What budgets count, and how: amounts that spans state, and which spans are calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deadreckon.emit._span import Span

MODEL_OPERATIONS = frozenset({"chat", "text_completion", "generate_content", "embeddings"})
_MAX_AMOUNT = 1e15
CALLS = MODEL_OPERATIONS | {"execute_tool"}
UNITS = {"tokens": "tokens", "cost_usd": "US dollars", "calls": "calls"}


def is_limit(value: Any) -> bool:
    """Tell whether a limit makes sense."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def is_one_of(operations: frozenset[str], operation: Any) -> bool:
    """Tell whether a span's operation is among these."""
    return isinstance(operation, str) and operation in operations  # it may be anything


def amount(value: Any) -> float:
    """Return what a span states as a number; anything that is none, or no sensible one, is 0."""
    try:
        number = 0.0 if isinstance(value, str) else float(value)
    except Exception:  # noqa: BLE001  # any object of the application's may be in here
        return 0.0
    return number if 0 < number < _MAX_AMOUNT else 0.0


def repeats(operation: Any, around: Span | None) -> bool:
    """Tell whether a model call is inside one of the same operation: a framework's around its client's is one call."""
    while operation in MODEL_OPERATIONS and around is not None:
        if is_one_of(frozenset((operation,)), around.operation):
            return True
        around = around.around
    return False


def figure(value: float) -> str:
    """Return a number as errors say it."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def exact(value: float) -> float:
    """Return a number as events say it: without the noise of sums."""
    return value if isinstance(value, int) else round(value, 9)
