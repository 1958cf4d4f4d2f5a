"""Phoenix: its SQLite store, and dataframes of spans in Parquet; both hold OpenInference's attributes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from deadreckon.core.errors import SourceError
from deadreckon.exchange.bring import Item
from deadreckon.exchange.identity import content_hash, instant, known_by, span_id, trace_id
from deadreckon.exchange.spans import Span, line
from deadreckon.exchange.sqlite import Database
from deadreckon.exchange.tables import moment, opened, rows
from deadreckon.exchange.written import event, number, written

SCOPE: Final = "phoenix.import"
_SOURCES: Final = {"HUMAN": "human", "LLM": "judge", "CODE": "code"}
_TEXTS: Final = frozenset({"metadata", "llm.invocation_parameters", "tool.parameters"})
"""Attributes that instrumentations send as JSON in a text, and Phoenix keeps as objects."""
_SPAN: Final = ("span_id", "parent_id", "name", "start_time", "end_time", "attributes", "events")
_SAID: Final = ("name", "label", "score", "explanation", "annotator_kind", "created_at", "updated_at", "identifier")
_ABOUT: Final = (
    ("span_annotations", "span_rowid"),
    ("document_annotations", "span_rowid"),
    ("trace_annotations", "trace_rowid"),
    ("project_session_annotations", "project_session_id"),
)


def items(paths: list[Path]) -> Iterator[Item]:
    """The lines of stores and of dataframes.

    Raises:
        SourceError: one is neither, or cannot be read to its end.
    """
    for path in paths:
        if path.suffix.lower() == ".parquet":
            yield from frame(path)
        else:
            with Database(path, "Phoenix") as db:
                others = "a database of MLflow is imported with reckon import mlflow" if "runs" in db.tables else ""
                hint = others or "name phoenix.db in Phoenix's working folder, or spans in Parquet"
                db.need("projects", "traces", "spans", hint=hint)
                yield from store(db)


def store(db: Database) -> Iterator[Item]:
    """The lines of a store."""
    projects = {row["id"]: row["name"] for page in db.pages("projects", {"id": "id", "name": "name"}) for row in page}
    columns = ("id", "trace_rowid", *_SPAN, "status_code", "status_message")
    for page in db.pages("spans", {name: name for name in columns}):
        of = sorted({row["trace_rowid"] for row in page})
        traces = db.of_each("traces", "id", ("trace_id", "project_rowid"), of)
        costs = db.of_each("span_costs", "span_rowid", ("total_cost",), [row["id"] for row in page])
        for row in page:
            trace = next(iter(traces[row["trace_rowid"]]), None)
            if trace is None:
                raise SourceError(
                    f"{db.path}: span {row['span_id']} is of a trace that is not there; nothing was imported",
                    hint="the database is damaged: import a backup of it",
                )
            kept = {key: opened(row[key]) for key in ("attributes", "events")}
            if isinstance(kept["attributes"], str) or isinstance(kept["events"], str):
                raise SourceError(
                    f"{db.path}: what span {row['span_id']} holds is no JSON; nothing was imported",
                    hint="the database is damaged: import a backup of it",
                )
            attributes = flat(kept["attributes"])
            cost = [one["total_cost"] for one in costs[row["id"]] if one["total_cost"] is not None]
            if cost:
                attributes.setdefault("llm.cost.total", cost[0])
            yield _item(
                {**dict(row), **kept, "trace_id": trace["trace_id"]}, attributes, projects.get(trace["project_rowid"])
            )
    for table, key in _ABOUT:
        yield from _annotations(db, table, key)


def frame(path: Path) -> Iterator[Item]:
    """The lines of a dataframe of spans, as `get_spans_dataframe` gives it, in Parquet."""
    for row in rows(path):
        found = {key.removeprefix("context."): value for key, value in row.items()}
        if not {"trace_id", "start_time", "name"} <= found.keys() or not found.keys() & {
            "span_id",
            "__index_level_0__",
        }:
            raise SourceError(
                f"{path} is no dataframe of Phoenix's spans: it lacks context.trace_id, context.span_id or start_time; "
                "nothing was imported",
                hint="client.spans.get_spans_dataframe(...).to_parquet(FILE) writes one",
            )
        found.setdefault("span_id", found.get("__index_level_0__") or found.get("index"))
        given = {k.removeprefix("attributes."): v for k, v in found.items() if k.startswith("attributes.")}
        if "span_kind" in found:
            given.setdefault("openinference.span.kind", found["span_kind"])
        yield _item(found, flat(given), None)


def _item(row: Mapping[str, Any], attributes: dict[str, Any], project: str | None) -> Item:
    status = str(row.get("status_code") or "").lower()
    span = Span(
        trace_id(row["trace_id"]),
        span_id(row["span_id"]),
        str(row.get("name") or ""),
        moment(row.get("start_time")),
        moment(row.get("end_time")),
        span_id(row["parent_id"]) if row.get("parent_id") else None,
        status if status in ("ok", "error") else "",
        row.get("status_message") or None,
        attributes,
        [
            {"name": one.get("name"), "at": moment(one.get("timestamp")), "attributes": flat(one.get("attributes"))}
            for one in row.get("events") or ()
        ],
        scope=SCOPE,
        resource={"openinference.project.name": project} if project else {},
    )
    return Item(line(span), ("span",) if row.get("parent_id") else ("trace", "span"))


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested objects and lists of objects as instrumentations send them: `llm.input_messages.0.message.role`."""
    found: dict[str, Any] = {}
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, one in pairs:
        name = f"{prefix}{key}"
        if one is None:
            continue
        if name in _TEXTS and not isinstance(one, str):
            found[name] = json.dumps(one, ensure_ascii=False)
        elif isinstance(one, Mapping) or (isinstance(one, list) and any(isinstance(x, Mapping) for x in one)):
            found |= flat(one, f"{name}.")
        elif isinstance(one, float) and name.startswith("llm.token_count.") and one.is_integer():
            found[name] = int(one)  # a dataframe's numbers are all floats
        else:
            found[name] = one
    return found


def _annotations(db: Database, table: str, key: str) -> Iterator[Item]:
    columns = {name: name for name in ("id", key, *_SAID, "document_position", "metadata")}
    for page in db.pages(table, columns):
        targets = _targets(db, key, sorted({row[key] for row in page}))
        for row in page:
            yield Item(_score(table, row, targets.get(row[key], {})), ("annotation",))


def _targets(db: Database, key: str, of: list[Any]) -> dict[Any, dict[str, str]]:
    """What annotations are about: by the row that they name, the ids of a span, a trace or a session."""
    if key == "project_session_id":
        sessions = _first(db, "project_sessions", "session_id", of)
        return {row: {"session_id": session} for row, session in sessions.items()}
    if key == "trace_rowid":
        return {row: {"trace_id": trace_id(trace)} for row, trace in _first(db, "traces", "trace_id", of).items()}
    spans, inside = _first(db, "spans", "span_id", of), _first(db, "spans", "trace_rowid", of)
    traces = _first(db, "traces", "trace_id", sorted(set(inside.values())))
    return {
        row: {"span_id": span_id(span), "trace_id": trace_id(traces[inside[row]])}
        for row, span in spans.items()
        if inside[row] in traces
    }


def _first(db: Database, table: str, column: str, ids: list[Any]) -> dict[Any, Any]:
    """A column of the rows with these ids."""
    return {key: rows[0][column] for key, rows in db.of_each(table, "id", (column,), ids).items() if rows}


def _score(table: str, row: Any, target: Mapping[str, Any]) -> bytes:
    at = (moment(row["updated_at"] or row["created_at"]) or 0) / 1_000_000
    metadata = opened(row["metadata"])
    rest = {"identifier": row["identifier"], "document": row["document_position"], "metadata": metadata}
    # What Phoenix keeps one of; its ids are numbers, which other stores have too.
    place = [table, *target.values(), *(row[key] or "" for key in ("name", "identifier", "document_position"))]
    about: dict[str, Any] = {
        "name": row["name"],
        "value": number(row["score"]),
        "label": row["label"],
        "source": _SOURCES.get(row["annotator_kind"] or ""),
        "reason": row["explanation"],
        **target,
        "attributes": {"imported_as": " ".join(["phoenix", *map(str, place)])},
    }
    if said := {key: value for key, value in rest.items() if value not in (None, "", {})}:
        about["attributes"]["phoenix"] = said
    known = known_by(at, "phoenix", table, row["id"], content_hash(written(about)))
    return event("score", event="score", ts=instant(at), event_id=known, **about)
