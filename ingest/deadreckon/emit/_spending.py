"""What budgets count, and how: amounts that spans state, which spans are calls, and what that leaves of the limits."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deadreckon.emit._span import Span

MODEL_OPERATIONS = frozenset({"chat", "text_completion", "generate_content", "embeddings"})
_MAX_AMOUNT = 1e15
CALLS = MODEL_OPERATIONS | {"execute_tool"}
_UNITS = {"tokens": "tokens", "cost_usd": "US dollars", "calls": "calls"}
_NOISE = 1e-9  # of a limit: what sums of floating point may be off


class Account:
    """What a block has used, counted exactly by whatever thread adds to it, beside what it may use."""

    __slots__ = ("_below", "_limits", "_lock", "_spent", "unpriced")

    def __init__(self, limits: Mapping[str, float]) -> None:
        """Begin with nothing used; `unpriced` counts the model calls that state no cost."""
        self._limits = limits
        self._lock = threading.RLock()
        self._spent: dict[str, float] = {"tokens": 0, "cost_usd": 0.0, "calls": 0}
        self._below: dict[str | None, tuple[int, float]] = {}
        self.unpriced = 0

    @property
    def spent(self) -> dict[str, float]:
        """What was used so far: tokens, cost_usd, calls."""
        return {key: exact(value) for key, value in self._spent.copy().items()}

    def add(self, tokens: float, cost_usd: float, calls: float) -> str:
        """Take what was used; return what is over its limit then, empty when nothing is."""
        with self._lock:
            self._spent["tokens"] += tokens
            self._spent["cost_usd"] += cost_usd
            self._spent["calls"] += calls
            return next((self._said(key) for key in _UNITS if self._share(key) > 1 + _NOISE), "")

    def call(self) -> str:
        """Count a call; or return which limit leaves nothing for it."""
        with self._lock:
            used = next((key for key in _UNITS if self._share(key) >= 1 - _NOISE), None)
            if used is None:
                self._spent["calls"] += 1
                return ""
            return f"{self._said(used)}, and another call"

    def charge(self, span_id: str, parent: str | None, tokens: int, cost: float | None, *, model: bool) -> str:
        """Take what a span that ended says, without what spans inside it said already; return as `add` does."""
        with self._lock:
            inner_tokens, inner_cost = self._below.pop(span_id, (0, 0.0))
            whole = max(tokens, inner_tokens), max(cost or 0.0, inner_cost)
            if parent is not None:
                beside = self._below.get(parent, (0, 0.0))
                self._below[parent] = beside[0] + whole[0], beside[1] + whole[1]
            if model and cost is None and not inner_cost:
                self.unpriced += 1
            return self.add(whole[0] - inner_tokens, whole[1] - inner_cost, 0)

    def _share(self, key: str) -> float:
        limit = self._limits.get(key)
        if limit is None:
            return 0.0
        return self._spent[key] / limit if limit else 1.0 if not self._spent[key] else 2.0

    def _said(self, key: str) -> str:
        return f"{figure(exact(self._spent[key]))} of {figure(self._limits[key])} {_UNITS[key]}"


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
