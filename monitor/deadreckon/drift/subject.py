"""What is watched for drift: a column of the events, an input feature, an output, a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from deadreckon.core.errors import UsageError
from deadreckon.core.schema import EVENT_COLUMNS
from deadreckon.core.settings import nearest

ALIASES: Final = {"latency_ms": "duration_ms", "tool:name": "tool"}
NAMED: Final = {"score": "scores", "feedback": "feedback"}
"""Prefix -> the view of events whose name is the subject's."""
JSON_SUBJECTS: Final = {"feature": "features", "output": "outputs"}
COLUMNS: Final = tuple(c.name for c in EVENT_COLUMNS if c.type in ("string", "bigint", "double", "boolean"))
_FORMS: Final = "feature:NAME, output:NAME, score:NAME, feedback:NAME or a column of events such as latency_ms or tool"


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject: `relation` and `condition` say which rows have it, `value` what it is there, as SQL with $name."""

    name: str
    relation: str
    condition: str
    value: str
    key: str | None = None
    """What $name is bound to: then the value is JSON, with a type in each row; else it has its column's type."""


def subject(text: str) -> Subject:
    """The subject of this name.

    Raises:
        UsageError: there is no such subject.
    """
    prefix, colon, name = text.partition(":")
    if colon and not name:
        raise UsageError(f"subject {text!r} names nothing after the colon", hint=f"write {_FORMS}")
    if colon and prefix in JSON_SUBJECTS:
        column = JSON_SUBJECTS[prefix]
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")
        return Subject(text, "predictions", f"{column} IS NOT NULL", f"json_extract({column}, $name)", key=pointer)
    column = ALIASES.get(text, text)
    if colon and prefix in NAMED:
        value = "coalesce(to_json(value), to_json(label))"
        return Subject(text, NAMED[prefix], "name = $name", value, key=name)
    if column in COLUMNS:
        # An event that has no such measure is none of its observations: a log line has no latency.
        return Subject(text, "events", f"{column} IS NOT NULL", column)
    known = [*ALIASES, *COLUMNS, *(f"{p}:" for p in (*JSON_SUBJECTS, *NAMED))]
    raise UsageError(f"there is no subject {text!r}", hint=f"{nearest(text, known)}; a subject is {_FORMS}")
