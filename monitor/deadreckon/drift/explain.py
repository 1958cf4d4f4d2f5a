"""What moved: the values with most of the change, the segment that it comes from, and requests to look at.

How much of a change a segment explains is told in total variation, half the sum of |current share - reference share|
over the groups of values: its part of each difference, in the difference's direction, over the sum of all. The parts of
an attribute's segments add up to 1; one that moved the other way has a negative part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from itertools import pairwise
from typing import Any, Final

import duckdb
import numpy as np

from deadreckon.core.errors import UsageError
from deadreckon.core.schema import EVENTS
from deadreckon.core.settings import nearest
from deadreckon.drift import groups
from deadreckon.drift.buckets import Integers
from deadreckon.drift.distances.shares import shares
from deadreckon.drift.distances.total_variation import total_variation
from deadreckon.drift.observe import check, expressions, observe, samples
from deadreckon.drift.sample import Categories, Numbers, side_by_side
from deadreckon.drift.selection import Selection
from deadreckon.drift.subject import Subject

USUAL: Final = ("environment", "model", "model_version", "variant", "provider", "tool")
"""What changes are told apart by, unless the user says."""
EXEMPLARS: Final = 5
CATEGORIES: Final = 200
"""Categories that are told apart; the others are one."""
SEGMENTS: Final = 50
"""Values of an attribute that are told apart; the others are one."""
OTHERS: Final = "(others)"
SEVERAL: Final = "(several)"


@dataclass(frozen=True, slots=True)
class Part:
    """A group of values, above `low` (the lowest of the reference: from it on) and up to `high`, or one category.

    Its share of each side.
    """

    label: str
    low: float | None
    high: float | None
    reference: float
    current: float

    @property
    def change(self) -> float:
        """By how much its share grew."""
        return self.current - self.reference


@dataclass(frozen=True, slots=True)
class Segment:
    """Events with one value of an attribute: what they explain of the change, and what is left without them."""

    attribute: str
    value: str | None
    reference: float
    """Their share of the reference's events."""
    current: float
    explains: float
    without: float | None
    """The total variation of the others; None where a side has no others."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """`parts` in the order of the values (of categories: the frequent first); `segments`: the most explaining first."""

    kind: str
    n_reference: int
    n_current: int
    total_variation: float
    parts: tuple[Part, ...]
    segments: tuple[Segment, ...]
    exemplars: tuple[str, ...]
    """Ids of the newest requests with a value in the parts that grew most."""

    def moved(self, most: int = 5) -> list[Part]:
        """The parts with most of the change."""
        return sorted((p for p in self.parts if p.change), key=lambda p: -abs(p.change))[:most]

    def document(self) -> dict[str, Any]:
        """All of it as JSON has it; `changes` are the parts with most of the change."""
        return {
            "kind": self.kind,
            "n_reference": self.n_reference,
            "n_current": self.n_current,
            "total_variation": self.total_variation,
            "changes": [
                ({"value": p.label} if p.low is None else {"from": p.low, "to": p.high})
                | {"reference": p.reference, "current": p.current, "change": p.change}
                for p in self.moved()
            ],
            "segments": [asdict(segment) for segment in self.segments],
            "exemplars": list(self.exemplars),
            "histogram": self.histogram(),
        }

    def histogram(self) -> dict[str, list[Any]]:
        """Before and after, ready to be drawn: `edges`, one more than shares, or `categories`; shares sum to 1."""
        sides = {"reference": [p.reference for p in self.parts], "current": [p.current for p in self.parts]}
        if self.kind == "numeric":
            return {"edges": [self.parts[0].low, *(p.high for p in self.parts)], **sides}
        return {"categories": [p.label for p in self.parts], **sides}


def explain(
    con: duckdb.DuckDBPyConnection,
    subject: Subject,
    reference: Selection,
    current: Selection,
    by: Sequence[str] = USUAL,
) -> Explanation:
    """What changed from the one selection to the other; `con` is of `deadreckon.queries.connect`.

    `by`: columns of events, or keys of their `attributes`. Of an event that lacks the column it is that of its request.

    Raises:
        DataError: the subject is unknown to the lake, or a side has no value.
        UsageError: `by` names a column that cannot tell events apart.
    """
    check(con, subject)
    before, after = samples(subject, *(observe(con, subject, side) for side in (reference, current)))
    if isinstance(before, Numbers) and isinstance(after, Numbers):
        kind, inner = "numeric", groups.edges(before.values)
        p, q = (groups.grouped(side.values, inner) for side in (before, after))
        # The groups' first edge lies just under the lowest value, which is what people know.
        edges = [*map(float, (before.values[0], *inner[1:]))]
        edges = [min(edges[0], float(after.values[0])), *edges, max(edges[-1], float(after.values[-1]))]
        names = [f"{a:.6g} to {b:.6g}" if a < b else f"{b:.6g}" for a, b in pairwise(edges)]
        bounds: list[tuple[float | None, float | None]] = list(pairwise(edges))
        group = f"len(list_filter(CAST({[*map(float, inner)]} AS DOUBLE[]), lambda edge: edge < number))"
    else:
        kind = "categorical"
        assert isinstance(before, Categories) and isinstance(after, Categories)  # noqa: S101, PT018  # of one kind
        names, p, q = _frequent(*side_by_side(before, after))
        bounds = [(None, None)] * len(names)
        group = "coalesce(label, printf('%.17g', number))"
    _observe(
        con, subject, reference, current, by, group, "isfinite(number)" if kind == "numeric" else "part IS NOT NULL"
    )
    at = {name: place for place, name in enumerate(names)} if kind == "categorical" else None
    change = shares(q) - shares(p)
    kept = [place for place in range(len(names)) if p[place] + q[place]]
    return Explanation(
        kind,
        int(p.sum()),
        int(q.sum()),
        total_variation(p, q),
        tuple(Part(names[i], *bounds[i], float(shares(p)[i]), float(shares(q)[i])) for i in kept),
        tuple(_segments(con, by, at, len(names), p, q)),
        _exemplars(con, [names[i] if at else i for i in np.argsort(-change, kind="stable")], change),
    )


def _frequent(names: tuple[str, ...], p: Integers, q: Integers) -> tuple[list[str], Integers, Integers]:
    """The categories with the most values on either side, the frequent first; all others as the last one."""
    order = np.argsort(-np.maximum(shares(p), shares(q)), kind="stable")
    first, rest = order[:CATEGORIES], order[CATEGORIES:]
    kept = [names[i] for i in first]
    if not len(rest):
        return kept, p[first], q[first]
    return [*kept, OTHERS], np.append(p[first], p[rest].sum()), np.append(q[first], q[rest].sum())


def _observe(
    con: duckdb.DuckDBPyConnection,
    subject: Subject,
    reference: Selection,
    current: Selection,
    by: Sequence[str],
    group: str,
    has: str,
) -> None:
    """Make `explained`: the observations of both sides with their group, and what they are told apart by."""
    own = {row[0]: row[1] for row in con.execute(f"DESCRIBE {subject.relation}").fetchall()}
    columns, asked, params = [], [], dict[str, Any]()
    for place, name in enumerate(by):
        if name in own or name in EVENTS:
            kind = EVENTS[name].type if name in EVENTS else "string"
            if kind not in ("string", "bigint", "boolean"):
                fitting = [c for c, e in EVENTS.items() if e.type == "string"]
                raise UsageError(f"--by {name}: that column cannot tell events apart", hint=nearest(name, fitting))
            if name not in own:
                asked.append(
                    f"CASE count(DISTINCT {name}) WHEN 0 THEN NULL WHEN 1 THEN min(CAST({name} AS VARCHAR)) "
                    f"ELSE '{SEVERAL}' END AS by{place}"
                )
            columns.append(f"by{place}" if name not in own else f"CAST({name} AS VARCHAR) AS by{place}")
        else:
            params[f"by{place}"] = "/" + name.replace("~", "~0").replace("/", "~1")
            columns.append(f"json_extract_string(attributes, $by{place}) AS by{place}")
    joined = f" LEFT JOIN (SELECT request_id, {', '.join(asked)} FROM events GROUP BY request_id) USING (request_id)"  # noqa: S608  # names of columns
    number, label = expressions(subject)
    before, first = reference.sql("reference_")
    after, second = current.sql("current_")
    query = (resources.files("deadreckon.drift") / "explain.sql").read_text("utf-8")
    con.execute(
        query.format(
            value=subject.value, relation=subject.relation, condition=subject.condition, reference=before,
            current=after, columns="".join(f", {c}" for c in columns), number=number, label=label,
            requests=joined if asked else "", names="".join(f", by{i}" for i in range(len(by))), group=group, has=has,
        ),
        params | first | second | ({} if subject.key is None else {"name": subject.key}),
    )  # fmt: skip


def _segments(
    con: duckdb.DuckDBPyConnection, by: Sequence[str], at: dict[str, int] | None, width: int, p: Integers, q: Integers
) -> list[Segment]:
    found = []
    change = shares(q) - shares(p)
    direction, size = np.sign(change), float(np.abs(change).sum())
    for place, name in enumerate(by):
        rows = con.execute(
            f"""
            WITH frequent AS (
                SELECT by{place} AS value FROM explained GROUP BY 1 ORDER BY count(*) DESC, value LIMIT {SEGMENTS}
            )
            SELECT CASE WHEN EXISTS (FROM frequent f WHERE f.value IS NOT DISTINCT FROM by{place}) THEN by{place}
                ELSE '{OTHERS}' END AS value, is_current, part, count(*)
            FROM explained GROUP BY ALL
            """  # noqa: S608  # numbers and names of our own
        ).fetchall()
        counts: dict[str | None, Integers] = {}
        for value, is_current, part, n in rows:
            one = counts.setdefault(value, np.zeros((2, width), dtype=np.int64))
            one[int(is_current), part if at is None else at.get(part, width - 1)] += n
        if len(counts) < 2:
            continue  # nothing is told apart by it
        for value, (mine, own) in counts.items():
            moved = own / q.sum() - mine / p.sum()
            rest = p - mine, q - own
            left = total_variation(*rest) if all(side.any() for side in rest) else None
            explains = float((moved * direction).sum()) / size if size else 0.0
            sides = float(mine.sum() / p.sum()), float(own.sum() / q.sum())
            found.append(Segment(name, value, *sides, explains, left))
    return sorted(found, key=lambda s: (-s.explains, s.attribute, s.value or ""))


def _exemplars(con: duckdb.DuckDBPyConnection, ranked: list[Any], change: Any) -> tuple[str, ...]:
    """The newest requests in the fewest parts that make up half of all growth."""
    growth = np.sort(np.maximum(change, 0))[::-1]
    if not growth.sum():
        return ()
    enough = int(np.searchsorted(np.cumsum(growth), growth.sum() / 2)) + 1
    rows = con.execute(
        """
        SELECT request_id FROM explained
        WHERE is_current AND request_id IS NOT NULL AND CAST(part AS VARCHAR) IN (SELECT unnest($parts))
        GROUP BY request_id ORDER BY max(ts) DESC, request_id LIMIT $most
        """,
        {"parts": [str(part) for part in ranked[:enough]], "most": EXEMPLARS},
    ).fetchall()
    return tuple(row[0] for row in rows)
