"""Variants of a rule that measure the same and judge otherwise, so that a threshold is chosen among many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from deadreckon.core.errors import ConfigError, UsageError
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


def variants(table: Mapping[str, Any], key: str, values: Sequence[str]) -> tuple[list[Rule], list[str]]:
    """The rule of a table of the settings once with each value, and why values are left out that it cannot have.

    A clear threshold goes along in proportion: it is as far from the bound as it was.

    Raises:
        UsageError: a value is none for this key, the rule takes none of them, or it has no bounds of its own.
        ConfigError: the rule is wrong as it is.
    """
    (rule, *_) = load_rules([table])
    if not isinstance(rule, KINDS):
        raise UsageError(
            f"rule {rule.part_of!r} is of kind {rule.kind}, which has no bounds to sweep",
            hint="choose one of kind threshold, sql or quality with --rule",
        )
    found: list[Rule] = []
    refused: list[str] = []
    for value in values:
        try:
            found += load_rules([_with(table, rule, key, value)])
        except ConfigError as error:
            refused.append(f"{key}={value}: {error.message}")
    if not found:
        raise UsageError(f"--sweep {key}: the rule takes none of these values: {refused[0]}", hint="give others")
    return found, refused


def _with(table: Mapping[str, Any], rule: Rule, key: str, value: str) -> dict[str, Any]:
    varied = dict(table)
    if key not in ("above", "below"):
        return varied | {key: value}
    try:
        bound = float(value)
    except ValueError:
        raise UsageError(f"--sweep {key}: {value!r} is not a number", hint="--sweep above=100,200,300") from None
    varied[key] = bound
    clear, was = getattr(rule, f"clear_{key}"), getattr(rule, key)
    if clear is not None and was is not None:
        # A share of the bound where both are on the same side of nothing, else as far away as it was.
        moved = bound * clear / was if was * bound > 0 and clear * was >= 0 else bound + clear - was
        moved = float(f"{moved:.12g}")
        varied[f"clear_{key}"] = min(bound, moved) if key == "above" else max(bound, moved)
    return varied
