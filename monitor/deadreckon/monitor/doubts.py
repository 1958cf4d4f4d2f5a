"""Words of rules that the lake has never seen: values in `where`, columns in `group_by`, features and the like.

A rule with such a word measures nothing, or finds everything missing, and looks like any other. What the lake has
seen lately is asked where that is how a rule looks, or of all rules where somebody wants to know: it costs a look at
some columns of two weeks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from deadreckon.core.errors import QueryError
from deadreckon.core.schema import EVENTS
from deadreckon.core.settings import nearest
from deadreckon.monitor.alert import Alert
from deadreckon.monitor.kinds.subject import DOCUMENTS, subject_of
from deadreckon.monitor.looking import LOOK, Look
from deadreckon.monitor.rule import Rule
from deadreckon.monitor.windows import Asker, ask

_NEWEST: Final = "SELECT epoch(max(ts)) FROM events WHERE ts <= to_timestamp($now) AND kind IS DISTINCT FROM 'alert'"
"""An event that is dated into the future says nothing of what is usual now."""
_LISTED: Final = 200
"""Values of a column, the most frequent, among which the nearest is looked for."""
_SAMPLED: Final = 10_000
"""Events whose features or outputs are looked at for the names in them."""

_ANY: Final = 'SELECT 1 FROM events WHERE {range} AND "{column}" IS NOT NULL LIMIT 1'
_VALUES: Final = """
SELECT CAST("{column}" AS VARCHAR) FROM events WHERE {range} AND "{column}" IS NOT NULL
GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT $most
"""
_AMONG: Final = """
SELECT DISTINCT CAST("{column}" AS VARCHAR) FROM events
WHERE {range} AND list_contains(CAST($texts AS VARCHAR[]), CAST("{column}" AS VARCHAR))
"""
_HELD: Final = "SELECT 1 FROM events WHERE {range} AND {among} AND NOT ({null}) LIMIT 1"
_SCORES: Final = "SELECT DISTINCT name FROM events WHERE {range} AND kind = 'score' AND name IS NOT NULL LIMIT $most"
_KEYS: Final = """
SELECT DISTINCT unnest(json_keys(d)) AS key
FROM (SELECT {column} AS d FROM events WHERE {range} AND json_valid({column}) LIMIT $sample)
LIMIT $most
"""


def doubts(
    asker: Asker, rules: Sequence[Rule], alerts: Sequence[Alert], *, now: float, every: bool = False
) -> list[str]:
    """A sentence for each such word, with the nearest that was seen in the two weeks up to the newest event.

    `now`: epoch seconds, after which no event counts; `every`: of rules that measure something, too.
    """
    asked: dict[str, Rule] = {}
    for rule in rules:
        if rule.sql is None and (every or _suspicious(rule, [a for a in alerts if a.is_of(rule.part_of)])):
            asked.setdefault(rule.part_of, rule)
    if not asked:
        return []
    try:
        newest = ask(asker, _NEWEST, {"now": now})[0][0]
        if newest is None:
            return []
        look = _Words(asker, int(newest) + 1)
        return [f"rule {name!r}: {said}" for name, rule in asked.items() for said in look.of(rule)]
    except QueryError as error:  # whether a rule works is not worth more than the limits of [query]
        return [f"what the lake has seen could not be looked at: {error.message}"] if every else []


def _suspicious(rule: Rule, alerts: Sequence[Alert]) -> bool:
    """Whether its alerts look as those of a misspelt rule do: nothing was ever measured, or all that is was missing."""
    never = all(a.stream.last_seen is None for a in alerts)
    unlabelled = any(alerts and all(a.labels.get(c) is None for a in alerts) for c in rule.group_by)
    all_null = rule.metric == "null_share" and any((a.stream.value or 0) >= 1 for a in alerts)
    watched = {a.labels.get("subject") for a in alerts}
    unwatched = any("*" not in name and name not in watched for name in getattr(rule, "subjects", ()))
    # A writer that was never heard from is silent, as one is that has stopped.
    silent = rule.kind == "heartbeat" and any(a.stream.active_since is not None for a in alerts)
    return never or unlabelled or all_null or unwatched or silent


class _Words(Look):
    """What the events of the lake's last two weeks hold."""

    def __init__(self, asker: Asker, newest: int) -> None:
        super().__init__(asker, newest)
        until = datetime.fromtimestamp(newest, UTC)
        self._when = f"in the {LOOK // 86_400} days up to {until:%Y-%m-%d}"

    def of(self, rule: Rule) -> Iterator[str]:
        """What a rule says that they do not."""
        named = {"where": rule.where, "against": getattr(rule, "against", {})}
        for key, chosen in named.items():
            if not isinstance(chosen, dict):  # of volume it is a word
                continue
            for column, wanted in chosen.items():
                if column in EVENTS and "kind" not in chosen:
                    yield from self._values(f"{key}.{column}", column, wanted if isinstance(wanted, list) else [wanted])
        for column in rule.group_by:
            if column in EVENTS and not self.rows(_ANY.replace("{column}", column)):
                yield f"group_by names {column!r}, which no event has {self._when}"
        subject = getattr(rule, "subject", None)
        for name in [subject] if subject else getattr(rule, "subjects", ()):
            yield from self._subject(name)

    def _values(self, named: str, column: str, wanted: Sequence[Any]) -> Iterator[str]:
        texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in wanted]
        seen = {row[0] for row in self.rows(_AMONG.replace("{column}", column), texts=texts)}
        missing = [text for text in texts if text not in seen]
        if not missing:
            return
        known = [row[0] for row in self.rows(_VALUES.replace("{column}", column), most=_LISTED)]
        for text in missing:
            yield f"{named} is {text!r}, which no event has {self._when}{_hint(text, known)}"

    def _subject(self, name: str) -> Iterator[str]:
        prefix, colon, key = name.partition(":")
        if "*" in name or (colon and prefix not in (*DOCUMENTS, "score")) or (not colon and name not in EVENTS):
            return
        subject = subject_of(name)
        if self.rows(_HELD.replace("{among}", subject.among).replace("{null}", subject.null), **subject.params):
            return
        yield f"{name!r} is in no event {self._when}{_hint(key, self._keys(prefix)) if colon else ''}"

    def _keys(self, prefix: str) -> list[str]:
        sql = _SCORES if prefix == "score" else _KEYS.replace("{column}", DOCUMENTS[prefix])
        return [row[0] for row in self.rows(sql, most=_LISTED, sample=_SAMPLED)]


def _hint(word: str, known: Sequence[str]) -> str:
    if not known:
        return ": none has any"
    some = nearest(word, list(known))
    return f"; {some if some.startswith('did you mean') else 'known: ' + ', '.join(sorted(known)[:8])}"
