"""Langfuse's exports: traces, observations and scores, as its pages and its scheduled exports write them.

The columns are those of https://langfuse.com/docs/api-and-data-platform/features/blob-storage-export-fields, and, in
camel case, those of the tables' own export button and of the public API.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final, Self

from deadreckon.core.errors import SourceError
from deadreckon.exchange.bring import Item
from deadreckon.exchange.identity import content_hash, instant, known_by, span_id, trace_id
from deadreckon.exchange.spans import Span, line
from deadreckon.exchange.tables import moment, opened, rows
from deadreckon.exchange.written import event, number, written

SCOPE: Final = "langfuse.import"
TRACE, OBSERVATION, SCORE = "trace", "observation", "score"
_ORDER: Final = (TRACE, OBSERVATION, SCORE)
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")
_SOURCES: Final = {"ANNOTATION": "human", "EVAL": "judge", "API": "code"}
_OF_TRACES: Final = ("session_id", "user_id", "release", "tags")
"""What a trace says that its observations do not, unless they were exported enriched."""
_OF_SCORES: Final = frozenset({"value", "string_value", "trace_id", "session_id", "dataset_run_id"})
"""One of these a score has; not always a value."""
_KEPT: Final = {
    "id": "langfuse.observation.id",
    "trace_id": "langfuse.trace.id",
    "type": "langfuse.observation.type",
    "level": "langfuse.observation.level",
    "status_message": "langfuse.observation.status_message",
    "input": "langfuse.observation.input",
    "output": "langfuse.observation.output",
    "metadata": "langfuse.observation.metadata",
    "provided_model_name": "langfuse.observation.model.name",
    "model": "langfuse.observation.model.name",
    "model_parameters": "langfuse.observation.model.parameters",
    "prompt_name": "langfuse.observation.prompt.name",
    "prompt_version": "langfuse.observation.prompt.version",
    "environment": "langfuse.environment",
    "release": "langfuse.release",
    "version": "langfuse.version",
    "session_id": "langfuse.session.id",
    "user_id": "langfuse.user.id",
    "trace_name": "langfuse.trace.name",
    "tags": "langfuse.trace.tags",
    "trace_tags": "langfuse.trace.tags",
}
_KNOWN: Final = frozenset(
    {
        *_KEPT,
        *("start_time", "end_time", "completion_start_time", "parent_observation_id", "name"),
        *("usage_details", "cost_details", "usage", "total_cost", "prompt_tokens", "completion_tokens", "total_tokens"),
        *("input_usage", "output_usage", "total_usage", "latency", "created_at", "updated_at", "trace_timestamp"),
        *("time_to_first_token", "provided_usage_details", "provided_cost_details", "calculated_total_cost"),
    }
)
_JSON: Final = ("metadata", "model_parameters", "usage_details", "cost_details", "usage", "tags", "trace_tags")


def items(paths: list[Path]) -> Iterator[Item]:
    """The lines of exported files; traces are read first, so that observations get the session and user of theirs.

    Raises:
        SourceError: a file is none of Langfuse's, or cannot be read to its end.
    """
    sorts = {path: _sort_of(path) for path in paths}
    with _Traces() as traces:
        for path in sorted(paths, key=lambda path: _ORDER.index(sorts[path])):
            for row in rows(path):
                yield from _row(_snake(row), path, traces)


class _Traces:
    """What traces say of their observations: on the disk, as there may be millions of them."""

    def __enter__(self) -> Self:
        self._con = sqlite3.connect("")  # a temporary file, which SQLite removes
        self._con.execute("CREATE TABLE said (id TEXT PRIMARY KEY, what TEXT) WITHOUT ROWID")
        return self

    def __exit__(self, *_: object) -> None:
        self._con.close()

    def keep(self, row: Mapping[str, Any]) -> None:
        said = {key: row[key] for key in _OF_TRACES if row.get(key) not in (None, "", [])}
        if row.get("name"):
            said["trace_name"] = row["name"]
        if said:
            self._con.execute("INSERT OR REPLACE INTO said VALUES (?, ?)", [row["id"], json.dumps(said)])

    def of(self, trace: Any) -> dict[str, Any]:
        found = self._con.execute("SELECT what FROM said WHERE id = ?", [trace]).fetchone()
        return json.loads(found[0]) if found else {}


def _sort_of(path: Path) -> str:
    """What a file holds, by its first row."""
    for row in rows(path):
        return _sort(_snake(row), path)
    return TRACE


def _sort(row: Mapping[str, Any], path: Path) -> str:
    if "trace" in row and isinstance(row["trace"], dict):
        return TRACE  # one trace, downloaded with all of its observations and scores
    if {"id", "trace_id", "start_time"} <= row.keys():
        return OBSERVATION
    if {"id", "name"} <= row.keys() and row.keys() & _OF_SCORES and row.keys() & {"source", "data_type"}:
        return SCORE
    if {"id", "timestamp"} <= row.keys():
        return TRACE
    raise SourceError(
        f"{path} holds neither traces nor observations nor scores of Langfuse: it has {', '.join(sorted(row)[:6])}; "
        "nothing was imported",
        hint="export traces, observations or scores; docs/import.md says which columns are needed",
    )


def _snake(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {_CAPITAL.sub(r"_\1", key).lower(): value for key, value in row.items() if value is not None}
    return found | {key: opened(found[key]) for key in _JSON if key in found}


def _row(row: dict[str, Any], path: Path, traces: _Traces) -> Iterator[Item]:
    sort = _sort(row, path)
    if sort == OBSERVATION:
        yield Item(_observation({**traces.of(row["trace_id"]), **row}), ("observation",))
    elif sort == SCORE:
        yield Item(_score(row), ("score",))
    else:
        whole = _snake(row["trace"]) if isinstance(row.get("trace"), dict) else row
        traces.keep(whole)
        inside = [
            [_snake(one) for one in given if isinstance(one, dict)]
            for key in ("observations", "scores")
            for given in [row.get(key) or whole.get(key)]
            if isinstance(given, list)
        ]
        yield Item(_trace(whole), ("trace",))
        for one in chain.from_iterable(inside):
            one.setdefault("trace_id", whole["id"])
            yield from _row(one, path, traces)


def _trace(row: Mapping[str, Any]) -> bytes:
    """A trace is what its observations are; what it says itself is a log."""
    at = (moment(row.get("timestamp")) or 0) / 1_000_000
    rest = ("metadata", "tags", "release", "version", "public", "bookmarked")
    about = {
        "trace_id": trace_id(row["id"]),
        "name": row.get("name"),
        "session_id": row.get("session_id"),
        "user_id": row.get("user_id"),
        "environment": row.get("environment"),
        "input": row.get("input"),
        "output": row.get("output"),
        "attributes": {
            "langfuse": {"id": row["id"], **{k: row[k] for k in rest if row.get(k) not in (None, "", [], {}, False)}}
        },
    }
    known = known_by(at, "langfuse", "trace", row["id"], content_hash(written(about)))
    return event("log", event="langfuse.trace", ts=instant(at), event_id=known, **about)


def _observation(row: dict[str, Any]) -> bytes:
    start, end = moment(row.get("start_time")), moment(row.get("end_time"))
    trace, span = trace_id(row["trace_id"]), span_id(row["id"])
    if row.get("type") == "EVENT":
        end = end or start
    attributes = {name: row[key] for key, name in _KEPT.items() if row.get(key) not in (None, "", [], {})}
    if attributes.get("langfuse.observation.id") == span:
        del attributes["langfuse.observation.id"], attributes["langfuse.trace.id"]
    if isinstance(kind := attributes.get("langfuse.observation.type"), str):
        attributes["langfuse.observation.type"] = kind.lower()
    if usage := _usage(row):
        attributes["langfuse.observation.usage_details"] = json.dumps(usage)
    if cost := _cost(row):
        attributes["langfuse.observation.cost_details"] = json.dumps(cost)
    if first := moment(row.get("completion_start_time")):
        attributes["langfuse.observation.completion_start_time"] = instant(first / 1_000_000)
    rest = {key: value for key, value in row.items() if key not in _KNOWN and value not in (None, "", [], {})}
    if rest:
        attributes["langfuse.rest"] = rest
    parent = row.get("parent_observation_id")
    found = Span(
        trace, span, str(row.get("name") or row.get("type") or ""), start, end, scope=SCOPE, attributes=attributes
    )
    found.parent_span_id = span_id(parent) if parent else None
    return line(found)


def _usage(row: Mapping[str, Any]) -> dict[str, int]:
    """Tokens by what they are, in each generation of the columns."""
    given = row.get("usage_details")
    if isinstance(given, dict) and given:
        return {key: count for key, value in given.items() if (count := _count(value)) is not None}
    usage = row.get("usage") if isinstance(row.get("usage"), dict) else {}
    sides = {
        "input": row.get("prompt_tokens", row.get("input_usage", usage.get("input") if usage else None)),
        "output": row.get("completion_tokens", row.get("output_usage", usage.get("output") if usage else None)),
    }
    found = {key: _count(value) for key, value in sides.items()}
    return {key: value for key, value in found.items() if value} if any(found.values()) else {}


def _count(value: Any) -> int | None:
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None


def _cost(row: Mapping[str, Any]) -> dict[str, float]:
    given = row.get("cost_details")
    found = dict(given) if isinstance(given, dict) else {}
    for key in ("total_cost", "calculated_total_cost"):
        if row.get(key) not in (None, ""):
            found.setdefault("total", row[key])
    parts = {}
    for key, value in found.items():
        try:
            parts[key] = float(value)
        except (TypeError, ValueError):
            continue
    parts = {key: value for key, value in parts.items() if math.isfinite(value)}
    if parts and "total" not in parts:
        parts["total"] = sum(parts.values())
    return parts if parts.get("total") else {}


def _score(row: Mapping[str, Any]) -> bytes:
    at = (moment(row.get("timestamp")) or moment(row.get("created_at")) or 0) / 1_000_000
    value = row.get("value")
    try:
        value = None if value in (None, "") else float(value)
    except (TypeError, ValueError):
        value = None
    sort = str(row.get("data_type") or "")
    label = row.get("string_value") or (None if value is not None else row.get("value"))
    if sort in ("CATEGORICAL", "TEXT") and label is not None:
        value = None  # Langfuse numbers categories by itself
    rest = ("config_id", "author_user_id", "queue_id", "metadata", "evaluator_id", "execution_trace_id", "data_type")
    about = {
        "name": row["name"],
        "value": number(value),
        "label": None if label is None else str(label),
        "source": _SOURCES.get(str(row.get("source") or "").upper()),
        "reason": row.get("comment"),
        "trace_id": trace_id(row["trace_id"]) if row.get("trace_id") else None,
        "span_id": span_id(row["observation_id"]) if row.get("observation_id") else None,
        "session_id": row.get("session_id"),
        "run_id": row.get("dataset_run_id"),
        "environment": row.get("environment"),
        "attributes": {
            "langfuse": {"id": row["id"], **{k: row[k] for k in rest if row.get(k) not in (None, "", [], {})}},
            "imported_as": f"langfuse {row['id']}",
        },
    }
    known = known_by(at, "langfuse", "score", row["id"], content_hash(written(about)))
    return event("score", event="score", ts=instant(at), event_id=known, **about)
