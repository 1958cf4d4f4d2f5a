"""Which traces are written: decided once, where a trace begins, and the same for all of its spans.

The decision is made from the trace id, so every process that meets the trace decides alike. Only spans are sampled:
logs, contracts, predictions and all other facts are always written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deadreckon.emit._context import Flow
from deadreckon.emit._encode import text_of

_RANDOM_DIGITS = 14  # W3C: the last seven bytes of a trace id are the random ones
_RANGE = 16**_RANDOM_DIGITS


class Sampler:
    """Decides for each new trace.

    Attributes:
        rate: the share of traces to keep where no rule matches, 0 to 1.
        rules: patterns of the first span's fields (`name`, `operation`, `model`, ...) with a rate; the first that
            matches decides.
        keep_errors: whether a span that fails is written, with the spans around it, though its trace is not kept.
    """

    __slots__ = ("_rules", "keep_errors", "rate")

    def __init__(self, rate: float, rules: Iterable[Mapping[str, Any]], keep_errors: bool) -> None:
        """Check and keep.

        Raises:
            ValueError: a rate is no share, or a rule has none.
        """
        self.rate = share("sample", rate)
        self.keep_errors = keep_errors
        self._rules = [_rule(rule) for rule in rules]

    @property
    def idle(self) -> bool:
        """Whether every trace is kept anyway."""
        return self.rate >= 1 and not self._rules

    def decide(self, name: str, fields: Mapping[str, Any], trace_id: str) -> Flow:
        """Return whether the trace that begins with this span is kept, and at which rate."""
        rate = self.rate
        for patterns, share_ in self._rules:
            if all(_matches(pattern, name if key == "name" else fields.get(key)) for key, pattern in patterns):
                rate = share_
                break
        return Flow(rate >= 1 or int(trace_id[-_RANDOM_DIGITS:], 16) < rate * _RANGE, rate)


def share(what: str, value: Any) -> float:
    """Return a rate as a number from 0 to 1.

    Raises:
        ValueError: it is none.
    """
    try:
        rate = float(value)
    except (TypeError, ValueError):
        rate = -1.0
    if isinstance(value, bool) or not 0 <= rate <= 1:
        raise ValueError(f"emit.configure({what}={value!r}): expected a number from 0 to 1")
    return rate


def _rule(rule: Mapping[str, Any]) -> tuple[list[tuple[str, str]], float]:
    if not isinstance(rule, Mapping) or "rate" not in rule or len(rule) < 2:
        raise ValueError(
            f"emit.configure(sample_rules=...): {rule!r}: expected a mapping of a field's name to a pattern, and rate"
        )
    return [(key, text_of(pattern)) for key, pattern in rule.items() if key != "rate"], share(
        "sample_rules", rule["rate"]
    )


def _matches(pattern: str, value: Any) -> bool:
    from fnmatch import fnmatchcase  # few programs have rules

    return value is not None and fnmatchcase(text_of(value), pattern)
