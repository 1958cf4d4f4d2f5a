"""What a rule on quality looks at: a column, or a feature, output or score by its name, as SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from deadreckon.core.schema import EVENTS
from deadreckon.core.settings import nearest

DOCUMENTS: Final = {"feature": "features", "output": "outputs"}
_NUMBERS: Final = "('BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE', 'DECIMAL')"
_PLAIN: Final = ("string", "bigint", "double", "boolean")


@dataclass(frozen=True, slots=True)
class Subject:
    """SQL for a subject: each is an expression over a row of events."""

    among: str
    """The events that could hold it."""
    null: str
    """Whether it is absent or null."""
    text: str
    """It as text; NULL where it is absent."""
    number: str
    """It as a number; NULL where it is none."""
    type: str
    """number, string, boolean, array or object; NULL where it is absent."""
    params: dict[str, Any]


def subject_of(name: str) -> Subject:
    """The SQL of `feature:NAME`, `output:NAME`, `score:NAME` or a column.

    Raises:
        ValueError: there is no such column, or the name cannot be a key.
    """
    prefix, colon, key = name.partition(":")
    if not colon:
        return _column(name)
    if prefix == "score" and key:
        return Subject(
            among="kind = 'score' AND name = $scored",
            null="value IS NULL AND label IS NULL",
            text="coalesce(label, CAST(value AS VARCHAR))",
            number="value",
            type="CASE WHEN value IS NOT NULL THEN 'number' WHEN label IS NOT NULL THEN 'string' END",
            params={"scored": key},
        )
    if prefix not in DOCUMENTS or not key:
        raise ValueError(f"{name!r} is no subject; write feature:NAME, output:NAME, score:NAME or a column")
    if '"' in key or "\\" in key:
        raise ValueError(f"{name!r} has a quote or backslash in it, and cannot be looked up")
    document = DOCUMENTS[prefix]
    kind = f"CASE WHEN json_valid({document}) THEN json_type({document}, $path) END"
    text = f"CASE WHEN json_valid({document}) THEN json_extract_string({document}, $path) END"
    return Subject(
        among=f"{document} IS NOT NULL",
        null=f"coalesce({kind}, 'NULL') = 'NULL'",
        text=text,
        number=f"CASE WHEN {kind} IN {_NUMBERS} THEN TRY_CAST({text} AS DOUBLE) END",
        type=f"CASE WHEN {kind} IN {_NUMBERS} THEN 'number' WHEN {kind} = 'VARCHAR' THEN 'string' "
        f"WHEN {kind} <> 'NULL' THEN lower({kind}) END",
        params={"path": f'$."{key}"'},
    )


def _column(name: str) -> Subject:
    if name not in EVENTS or EVENTS[name].type not in _PLAIN:
        known = [*(n for n, c in EVENTS.items() if c.type in _PLAIN), "feature:NAME", "output:NAME", "score:NAME"]
        raise ValueError(f"{name!r} is no column of numbers or text; {nearest(name, known)}")
    number = f'CAST("{name}" AS DOUBLE)' if EVENTS[name].type in ("bigint", "double") else "CAST(NULL AS DOUBLE)"
    kind = {"string": "string", "boolean": "boolean"}.get(EVENTS[name].type, "number")
    return Subject(
        among="true",
        null=f'"{name}" IS NULL',
        text=f'CAST("{name}" AS VARCHAR)',
        number=number,
        type=f"CASE WHEN \"{name}\" IS NOT NULL THEN '{kind}' END",
        params={},
    )
