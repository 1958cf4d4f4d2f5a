"""Matchers, as Alertmanager has them: `rule=slow*`, `severity!=info`, `model_version=~v[12]`, `tool!~refund.*`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Final

import duckdb

from deadreckon.core.errors import UsageError
from deadreckon.monitor.alert import Alert

LONGEST: Final = 500
"""Characters of a regular expression at most."""
_WRITTEN: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*(=~|!~|!=|=)\s*(.*)", re.DOTALL)
_HINT: Final = "write it as rule=slow*, severity=critical, model_version!=v1, tool=~refund.* or tool!~refund.*"

_WHOLE: Final = "rule, whole"
"""The fact that holds the rule of which an alert's own is a level: no matcher can ask for it by this name."""

Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label. `rule` and `severity` are labels too, and `rule` is held against a glob.

    Of an alert of a level of a rule `rule` is both, the name of the level and that of the whole rule.

    A label that an alert does not have is empty. Regular expressions are RE2, which takes time in proportion to the
    text whatever they say, and hold against the whole value.
    """

    name: str
    sign: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{self.value}"

    def hold(self, values: Sequence[str]) -> list[bool]:
        """Whether it holds for each of these values.

        Raises:
            UsageError: it is no regular expression.
        """
        if "~" in self.sign:
            found = _full_matches(self.value, values)
        elif self.name == "rule":
            pattern = re.compile(translate(self.value))
            found = [pattern.match(value) is not None for value in values]
        else:
            found = [value == self.value for value in values]
        return [not one for one in found] if self.sign[0] == "!" else found


def parse(text: str) -> Matcher:
    """A matcher as it is written.

    Raises:
        UsageError: it is none, or its regular expression is none.
    """
    parts = _WRITTEN.fullmatch(text)
    if parts is None:
        raise UsageError(f"{text!r} is no matcher", hint=_HINT)
    matcher = Matcher(parts[1], parts[2], parts[3].strip())
    if len(matcher.value) > LONGEST:
        raise UsageError(f"the value of {matcher.name} is longer than {LONGEST} characters", hint="match less of it")
    matcher.hold([""])
    return matcher


def facts_of(alert: Alert) -> Facts:
    """What matchers look at: the labels of an alert, its rule and its severity."""
    labels = {name: value for name, value in alert.labels.items() if value is not None}
    whole = {_WHOLE: alert.part_of} if alert.part_of else {}
    return labels | {"rule": alert.stream.rule, "severity": alert.severity} | whole


def matching(matchers: Iterable[Matcher], facts: Sequence[Facts]) -> list[bool]:
    """For each of these facts whether all matchers hold."""
    found = [True] * len(facts)
    for matcher in matchers:
        held = matcher.hold([fact.get(matcher.name, "") for fact in facts])
        if matcher.name == "rule":
            whole = matcher.hold([fact.get(_WHOLE, fact.get("rule", "")) for fact in facts])
            both = all if matcher.sign[0] == "!" else any
            held = [both(pair) for pair in zip(held, whole, strict=True)]
        found = [a and b for a, b in zip(found, held, strict=True)]
    return found


def matches_everything(matchers: Iterable[Matcher]) -> bool:
    """Whether every matcher holds for a label that is not there: nearly every alert there will ever be."""
    return all(matcher.hold([""])[0] for matcher in matchers)


def _full_matches(pattern: str, values: Sequence[str]) -> list[bool]:
    if not values:
        return []
    try:
        with duckdb.connect() as con:
            sql = "SELECT regexp_full_match(unnest(CAST($values AS VARCHAR[])), $pattern, 's')"
            rows = con.execute(sql, {"values": list(values), "pattern": pattern}).fetchall()
    except duckdb.Error as error:
        why = str(error).rpartition("Error: ")[2].partition("\n")[0]
        raise UsageError(f"{pattern!r} is no regular expression: {why}", hint="RE2 has no look-around") from None
    return [held for (held,) in rows]
