"""Variants of a rule that measure the same and judge otherwise, so that a threshold is chosen among many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from deadreckon.core.errors import UsageError
from deadreckon.core.settings import nearest
from deadreckon.monitor.kinds.quality import QualityRule
from deadreckon.monitor.kinds.sql import SqlRule
from deadreckon.monitor.kinds.threshold import ThresholdRule
from deadreckon.monitor.rules import Rule, load_rules

KEYS: Final = ("above", "below", "for", "keep_firing_for")
"""What can be swept: keys that change nothing in what is measured."""
KINDS: Final = (ThresholdRule, SqlRule, QualityRule)
"""Kinds of rule whose bounds are the user's own."""
MOST: Final = 100


def parse(text: str) -> tuple[str, list[str]]:
    """The key and the values of `above=100,200,300`.

    Raises:
        UsageError: it is written otherwise, or that key cannot be swept.
    """
    key, sign, listed = text.partition("=")
    key = key.strip()
    values = [value.strip() for value in listed.split(",") if value.strip()]
    if key not in KEYS:
        raise UsageError(f"--sweep cannot vary {key!r}", hint=nearest(key, list(KEYS)))
    if not sign or not values:
        raise UsageError(f"--sweep {text!r} has no values", hint="write --sweep above=100,200,300")
    if len(values) > MOST:
        raise UsageError(f"--sweep has {len(values)} values, and takes {MOST}", hint="name fewer")
    return key, values


def variants(table: Mapping[str, Any], key: str, values: Sequence[str]) -> list[Rule]:
    """The rule of a table of the settings once with each value; a clear threshold that does not fit one is left out.

    Raises:
        UsageError: a value is none for this key, or the rule is of a kind that has no bounds of its own.
        ConfigError: the rule is wrong.
    """
    (rule, *_) = load_rules([table])
    if not isinstance(rule, KINDS):
        raise UsageError(
            f"rule {rule.part_of!r} is of kind {rule.kind}, which has no bounds to sweep",
            hint="choose one of kind threshold, sql or quality with --rule",
        )
    return [_with(table, rule, key, value) for value in values]


def _with(table: Mapping[str, Any], rule: Rule, key: str, value: str) -> Rule:
    varied = dict(table)
    if key in ("above", "below"):
        try:
            bound = float(value)
        except ValueError:
            raise UsageError(f"--sweep {key}: {value!r} is not a number", hint="--sweep above=100,200,300") from None
        varied[key] = bound
        clear = getattr(rule, f"clear_{key}")
        if clear is not None and (clear > bound if key == "above" else clear < bound):
            del varied[f"clear_{key}"]
    else:
        varied[key] = value
    (found,) = load_rules([varied])
    return found
