"""Matchers that no alert of these rules can ever fulfil: words that are spelt otherwise than in the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, get_args

from deadreckon.core.settings import nearest
from deadreckon.monitor.alert import Alert
from deadreckon.monitor.matcher import Matcher
from deadreckon.monitor.rule import Rule, Severity

_OWN: Final = ("rule", "severity")
"""What a matcher can name beside labels."""


def unmatched(
    matchers: Iterable[Matcher], rules: Sequence[Rule], alerts: Sequence[Alert] = ()
) -> Iterator[tuple[str, str]]:
    """What is wrong and a hint, for each matcher that asks for a rule, severity or label which there is not.

    `alerts`: those that stand, of rules that may be gone or give labels of their own. A matcher that holds where there
    is no such label (`!=`) asks for nothing.
    """
    names = {name for rule in rules for name in (rule.name, rule.part_of)}
    names |= {name for alert in alerts for name in (alert.stream.rule, alert.part_of) if name}
    known = labels_of_rules(rules) | {label for alert in alerts for label in alert.labels}
    for matcher in matchers:
        if matcher.hold([""])[0]:
            continue
        if matcher.name == "rule" and not any(matcher.hold(sorted(names))):
            yield f"no rule matches {matcher}", nearest(matcher.value.strip("*"), sorted(names)) if names else ""
        elif matcher.name == "severity" and not any(matcher.hold(get_args(Severity))):
            yield f"no severity matches {matcher}", nearest(matcher.value, list(get_args(Severity)))
        elif matcher.name not in (*_OWN, *known):
            yield f"no rule has a label {matcher.name!r}", nearest(matcher.name, sorted({*known, *_OWN}))


def labels_of_rules(rules: Iterable[Rule]) -> set[str]:
    """The labels that alerts of these rules have, but for those that SQL gives them."""
    return {label for rule in rules for label in (*rule.labels, *rule.group_by)}
