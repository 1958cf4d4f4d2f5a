"""The observations of a subject in a lake, read from its views."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Final

import duckdb
import numpy as np

from deadreckon.core.errors import DataError
from deadreckon.core.schema import EVENTS
from deadreckon.core.settings import nearest
from deadreckon.drift.buckets import Floats
from deadreckon.drift.compare import Sample
from deadreckon.drift.sample import Categories, Numbers
from deadreckon.drift.selection import Selection
from deadreckon.drift.subject import ALIASES, JSON_SUBJECTS, Subject

_JSON_NUMBER: Final = """CASE
    WHEN json_type(value) IN ('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE') THEN TRY_CAST(value AS DOUBLE)
    WHEN value ->> '$' IN ('NaN', 'Infinity', '-Infinity') THEN CAST(value ->> '$' AS DOUBLE) END"""
"""NaN and the infinities, which JSON has not, are kept as text by ingest."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen on one side: numbers, how often each text, and how often nothing."""

    numbers: Floats
    labels: dict[str, int]
    n_null: int

    @property
    def numeric(self) -> bool:
        """Whether most of what was seen are numbers."""
        return len(self.numbers) > sum(self.labels.values())


def observe(con: duckdb.DuckDBPyConnection, subject: Subject, selection: Selection) -> Observed:
    """All observations of the subject in the selected events; `con` is of `deadreckon.queries.connect`."""
    number, label = expressions(subject)
    selected, values = selection.sql()
    query = (resources.files("deadreckon.drift") / "observe.sql").read_text("utf-8")
    query = query.format(
        value=subject.value, relation=subject.relation, condition=subject.condition, selected=selected,
        number=number, label=label,
    )  # fmt: skip
    if subject.key is not None:
        values["name"] = subject.key
    found = con.execute(query, values).fetchnumpy()
    count = np.asarray(found["n"])
    given, named = ~np.ma.getmaskarray(found["number"]), ~np.ma.getmaskarray(found["label"])
    numbers = np.repeat(np.asarray(np.ma.getdata(found["number"]), dtype=np.float64)[given], count[given])
    texts = dict(zip(np.ma.getdata(found["label"])[named].tolist(), count[named].tolist(), strict=True))
    return Observed(numbers, texts, int(count[~given & ~named].sum()))


def expressions(subject: Subject) -> tuple[str, str]:
    """A subject's `value` as a number and as a text, in SQL: at most one of them is not null."""
    if subject.key is not None:
        return _JSON_NUMBER, "CASE WHEN number IS NULL AND json_type(value) <> 'NULL' THEN value ->> '$' END"
    if EVENTS[ALIASES.get(subject.name, subject.name)].type in ("bigint", "double"):
        return "CAST(value AS DOUBLE)", "NULL::VARCHAR"
    return "NULL::DOUBLE", "CAST(value AS VARCHAR)"


def check(con: duckdb.DuckDBPyConnection, subject: Subject) -> None:
    """Whether anything in the lake has this feature, output or score.

    Raises:
        DataError: nothing has: the hint names the nearest.
    """
    prefix, _, wanted = subject.name.partition(":")
    if subject.key is None:
        return
    column = JSON_SUBJECTS.get(prefix)
    listed = f"unnest(json_keys({column}))" if column else "name"
    rows = con.sql(f"FROM {subject.relation} SELECT DISTINCT {listed} AS name").fetchall()
    known = [name for (name,) in rows if name]
    if wanted not in known:
        raise DataError(
            f"nothing in the lake has the {prefix} {wanted!r}",
            hint=nearest(wanted, known)
            if known
            else f"no event has any: reckon views {subject.relation} says which can",
        )


def samples(subject: Subject, reference: Observed, current: Observed) -> tuple[Sample, Sample]:
    """Both sides as samples of one kind: numbers where the reference's are, else categories.

    Raises:
        DataError: a side has no observation that can be compared.
    """
    numeric = reference.numeric
    sides = tuple(_numbers(side) if numeric else _categories(side) for side in (reference, current))
    for side, name, seen in zip(sides, ("reference", "current"), (reference, current), strict=True):
        if not side.n:
            what = "numbers" if numeric else "values"
            others = sum(seen.labels.values()) + len(seen.numbers)
            raise DataError(
                f"{subject.name} has no {what} in the {name} selection ({seen.n_null} nulls, {others} others)",
                hint=f"widen --{name}: reckon views {subject.relation} says what there is to select by",
            )
    return sides[0], sides[1]


def _numbers(side: Observed) -> Numbers:
    return Numbers.of(side.numbers, n_null=side.n_null, n_other=sum(side.labels.values()))


def _categories(side: Observed) -> Categories:
    values, counts = np.unique(side.numbers, return_counts=True)
    numbers = {f"{v:.17g}": int(n) for v, n in zip(values, counts, strict=True)}
    return Categories({k: side.labels.get(k, 0) + numbers.get(k, 0) for k in {*side.labels, *numbers}}, side.n_null)
