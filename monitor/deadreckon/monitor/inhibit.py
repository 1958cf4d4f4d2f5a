"""Inhibition: an alert that explains another keeps that one from being told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deadreckon.core.errors import ConfigError, UsageError
from deadreckon.core.settings import nearest
from deadreckon.monitor.alert import Alert
from deadreckon.monitor.matcher import Facts, Matcher, facts_of, matching, parse
from deadreckon.monitor.rules import Rule
from deadreckon.monitor.stream import labels_of
from deadreckon.monitor.unmatched import labels_of_rules, unmatched

_DATA: Final = frozenset({"quality", "heartbeat"})
"""Kinds of rule that watch whether data come, and whether they are what they should be."""
_INTAKE: Final = frozenset({"freshness_s", "quarantined_lines", "quarantined_rate"})
"""Metrics that do the same in a rule of any kind."""
_DRIFT: Final = "drift"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    source: dict[str, str] = Field(min_length=1, description="which open alert inhibits: label = value")
    target: dict[str, str] = Field(min_length=1, description="which alerts are not told meanwhile: label = value")
    equal: list[str] = Field(default=[], description="labels that both must have with the same value")


@dataclass(frozen=True, slots=True)
class Inhibition:
    """`[[inhibit]]`: while an alert that `source` matches is open, those that `target` matches are not told."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """What the settings say of alerts beyond each rule's own words: the rules by name, and who inhibits whom."""

    rules: Mapping[str, Rule] = field(default_factory=dict)
    inhibitions: tuple[Inhibition, ...] = ()

    @classmethod
    def of(cls, rules: Sequence[Rule], tables: Sequence[Mapping[str, Any]] = ()) -> Policy:
        """The policy of these rules and the tables `[[inhibit]]`.

        Raises:
            ConfigError: a table has an unknown key or a wrong value.
        """
        return cls({rule.name: rule for rule in rules}, tuple(_load(t, place) for place, t in enumerate(tables, 1)))

    def inhibiting(self, alerts: Sequence[Alert]) -> list[Alert | None]:
        """For each alert the open alert that keeps it from being told, if there is one."""
        found: list[Alert | None] = [None] * len(alerts)
        facts = [facts_of(alert) for alert in alerts]
        for inhibition in self.inhibitions:
            sources = [a for a, held in zip(alerts, matching(inhibition.source, facts), strict=True) if held]
            targets = matching(inhibition.target, facts)
            for place, alert in enumerate(alerts):
                if targets[place] and found[place] is None:
                    # As in Alertmanager: what both sides match cannot inhibit itself, nor its like.
                    others = (s for s in sources if s.stream.active_since is not None and s is not alert)
                    agreeing = (s for s in others if _agree(facts_of(s), facts[place], inhibition.equal))
                    found[place] = next(agreeing, None)
        data = [a for a in alerts if a.stream.active_since is not None and self._watches_data(a)]
        for place, alert in enumerate(alerts):
            if found[place] is None and self._kind(alert) == _DRIFT:
                found[place] = next((s for s in data if self._same_data(s, alert)), None)
        return found

    def _kind(self, alert: Alert) -> str:
        rule = self.rules.get(alert.stream.rule)
        return rule.kind if rule else ""

    def _watches_data(self, alert: Alert) -> bool:
        rule, kind = self.rules.get(alert.stream.rule), self._kind(alert)
        if rule is None or kind == _DRIFT:
            return False
        if rule.metric == "event_count":  # too many events are no lack of data
            return rule.below is not None
        return kind in _DATA or rule.metric in _INTAKE

    def _same_data(self, source: Alert, target: Alert) -> bool:
        # What a rule is about is what it groups by and what it selects. A source that is about less, one environment
        # say, says nothing of a target that is about all of them.
        about, aim = self._scope(source), self._scope(target)
        return all(name in aim and aim[name] == value for name, value in about.items())

    def _scope(self, alert: Alert) -> dict[str, Any]:
        rule = self.rules[alert.stream.rule]
        subject = getattr(rule, "subject", None)  # only some kinds are about one
        named = {"subject": subject} if isinstance(subject, str) else {}
        return named | dict[str, Any](rule.where) | labels_of(alert.stream.labels)


def check(rules: Sequence[Rule], policy: Policy) -> None:
    """Refuse a table of which the rules alone show that it can never hold.

    Raises:
        ConfigError: it names a rule, a severity or a label that there is not; the nearest is named.
    """
    sql = any(rule.sql for rule in rules)  # which gives labels that nobody knows beforehand
    known = labels_of_rules(rules)
    for place, one in enumerate(policy.inhibitions, 1):
        named = f"table {place} of [[inhibit]]"
        for part, matchers in (("source", one.source), ("target", one.target)):
            for message, hint in unmatched(matchers, rules):
                if not (sql and "has a label" in message):
                    raise ConfigError(f"{named}: {part}: {message}", hint=hint)
        for name in one.equal:
            if not sql and name not in {*known, "rule", "severity"}:
                raise ConfigError(f"{named}: equal: no rule has a label {name!r}", hint=nearest(name, sorted(known)))


def documented() -> list[tuple[str, str]]:
    """Each key of `[[inhibit]]` and what it means, in order."""
    return [(name, about.description or "") for name, about in _Table.model_fields.items()]


def _agree(one: Facts, other: Facts, names: Sequence[str]) -> bool:
    return all(one.get(name, "") == other.get(name, "") for name in names)


def _load(table: Mapping[str, Any], place: int) -> Inhibition:
    named = f"table {place} of [[inhibit]]"
    try:
        given = _Table.model_validate(dict(table))
        return Inhibition(_matchers(given.source), _matchers(given.target), tuple(given.equal))
    except UsageError as error:
        raise ConfigError(f"{named}: {error.message}", hint=error.hint) from None
    except ValidationError as error:
        first = error.errors()[0]
    key = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        raise ConfigError(f"{named} has an unknown key {key!r}", hint=nearest(key, [name for name, _ in documented()]))
    about = dict(documented())[key]
    if first["type"] == "missing":
        raise ConfigError(f"{named} has no {key}", hint=f"add {key} = ...: {about}")
    raise ConfigError(f"{named}: {key}: {first['msg'][:1].lower()}{first['msg'][1:]}", hint=f"{key}: {about}")


def _matchers(table: Mapping[str, str]) -> tuple[Matcher, ...]:
    # A value may begin with a sign of its own: { model_version = "=~v[12]" }, { tool = "!=refund" }.
    signed = ("=~", "!~", "!=")
    return tuple(parse(f"{name}{value if value.startswith(signed) else f'={value}'}") for name, value in table.items())
