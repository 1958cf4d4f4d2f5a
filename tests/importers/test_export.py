"""What is exported is what the lake holds, and what is read back is what was exported."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.importers.stores import SETTINGS, Imported, unpacked

from deadreckon.core.errors import QueryError, UsageError
from deadreckon.core.lake import Lake
from deadreckon.core.schema import EVENT_COLUMNS
from deadreckon.exchange import export, otlp_file
from deadreckon.exchange.export import Selection
from deadreckon.ingest import ingest

COLUMNS = ", ".join(column.name for column in EVENT_COLUMNS)
JSON = {column.name for column in EVENT_COLUMNS if column.type == "json"}
TRACE = "a" * 32
AT = 1767225600
ODD: list[dict[str, Any]] = [
    {"event_id": "0", "ts": "1969-07-20T20:17:40.5Z", "event": "landed", "level": "info"},
    {"ts": "2026-01-01T00:00:00.000001Z", "event": 'quotes " and \n lines, ünïcode 🦜'},
    {"ts": AT, "attributes": {"a.b": {"c": [1, 2.5, None, True]}, "empty": {}, "none": None, "list": []}},
    {"ts": AT, "event": "a column's other name", "gen_ai.request.model": "m1", "in": {"gen_ai.request.model": "x"}},
    {"ts": AT, "event": "past 64 bits", "big": 2**70, "deadreckon.attributes.x": 1, "exact": 1.10},
    {"ts": AT, "attributes": {"model": "not the column", "gen_ai.request.model": "neither"}, "model": "m2"},
    {"ts": AT + 1, "kind": "metric", "run_id": "r", "name": "loss", "value": "NaN", "step": 1},
    {"ts": AT + 2, "kind": "metric", "run_id": "r", "name": "loss", "value": "-Infinity", "step": 2},
    {"ts": AT + 3, "kind": "span", "trace_id": TRACE, "span_id": "b" * 16, "duration_ms": 0.478634, "name": "x"}
    | {"status": "timeout", "error_message": "late"},
    {"ts": AT + 4, "kind": "span", "trace_id": TRACE, "span_id": "c" * 16, "status": "running"}
    | {"parent_span_id": "b" * 16},
    {"ts": AT + 5, "kind": "span", "trace_id": "short", "span_id": "odd", "duration_ms": -5}
    | {"input": '{"a": 1}', "output": "text"},
    {"ts": AT + 6, "kind": "prediction", "request_id": "q", "features": {"x": 1.0, "y": "z"}, "outputs": {"p": 0.25}},
    {"ts": AT + 7, "kind": "decision", "name": "next", "choice": "stop", "options": ["go", "stop"], "stream": True}
    | {"pid": 7, "service": "s", "host": "h", "environment": "prod"},
    {
        "ts": AT + 8,
        "trace_id": TRACE,
        "span_id": "d" * 16,
        "input_tokens": 9007199254740993,
        "user_id": "u@example.org",
    },
]


@pytest.fixture
def full(tmp_path: Path) -> Imported:
    """A lake with runs, metrics, spans and scores, and with what is odd."""
    imported = Imported(tmp_path / "lake")
    imported.mlflow(unpacked("mlflow.db.gz", tmp_path))
    (tmp_path / "odd.jsonl").write_text("".join(json.dumps(line) + "\n" for line in ODD))
    assert ingest([tmp_path / "odd.jsonl"], imported.lake, settings=SETTINGS).quarantined == 0
    return imported


def events(imported: Imported, where: str = "true") -> list[dict[str, Any]]:
    """All events, their JSON read, NaN as text."""
    rows = imported.rows(f"SELECT {COLUMNS} FROM events WHERE {where} ORDER BY event_id")
    for row in rows:
        row["value"] = str(row["value"])
        for name in JSON - {"input", "output"}:
            row[name] = row[name] and json.loads(row[name])
    return rows


def chosen(imported: Imported, **asked: Any) -> Selection:
    """A selection of its events."""
    return Selection(Lake.open(imported.lake), **asked)


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz", "all.jsonl.zst"])
def test_lines_give_an_equal_lake(name: str, full: Imported, tmp_path: Path) -> None:
    """Every column of every event, byte for byte; ingested twice it is there once."""
    done = export.jsonl(chosen(full), tmp_path / name)
    assert done.events == full.one("SELECT count(*) FROM events") > 95
    again = Imported(tmp_path / "again")
    for _ in range(2):
        ingest([tmp_path / name], again.lake, settings=SETTINGS)
    exact = f"SELECT {COLUMNS.replace(', value,', ', value::VARCHAR AS value,')} FROM events ORDER BY event_id"
    assert again.rows(exact) == full.rows(exact)
    assert again.one("SELECT count(*) FROM quarantine") == 0


def test_lines_are_in_the_order_of_time(full: Imported, tmp_path: Path) -> None:
    """One object to a line, the oldest first."""
    export.jsonl(chosen(full), tmp_path / "all.jsonl")
    times = [json.loads(line)["ts"] for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert [datetime.fromisoformat(t) for t in times] == sorted(datetime.fromisoformat(t) for t in times)


def test_otlp_gives_an_equal_lake(full: Imported, tmp_path: Path) -> None:
    """Spans and logs, read back into what they were."""
    path = tmp_path / "all.json"
    done = export.otlp(chosen(full), path)
    again = Imported(tmp_path / "again")
    found = again.bring(otlp_file.items([path]))
    assert found.found == {"event": done.events}
    assert found.summary.quarantined == 0
    assert events(again) == events(full)
    assert again.bring(otlp_file.items([path])).summary.committed == 0


def test_otlp_is_what_others_read(full: Imported, tmp_path: Path) -> None:
    """OpenTelemetry's own messages take every line, with names that others know."""
    from google.protobuf import json_format
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    export.otlp(chosen(full), tmp_path / "all.json")
    spans, logs = [], []
    for line in (tmp_path / "all.json").read_text().splitlines():
        if "resourceSpans" in line:
            request = json_format.Parse(line, ExportTraceServiceRequest())
            spans += [s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
        else:
            request = json_format.Parse(line, ExportLogsServiceRequest())
            logs += [s for r in request.resource_logs for scope in r.scope_logs for s in scope.log_records]
    assert len(spans) == 10  # nine of MLflow, and the one that timed out; others have not ended, or have no ids
    assert len(spans) + len(logs) == full.one("SELECT count(*) FROM events")
    call = next(span for span in spans if span.name == "chat")
    named = {pair.key: pair.value for pair in call.attributes}
    assert named["gen_ai.request.model"].string_value == "gpt-4o-mini"
    assert named["gen_ai.usage.input_tokens"].int_value >= 100
    assert call.end_time_unix_nano > call.start_time_unix_nano
    late = next(span for span in spans if span.name == "x")
    assert (late.status.code, late.status.message) == (2, "late")


@pytest.mark.parametrize("name", ["all.parquet", "folder"])
def test_parquet(name: str, full: Imported, tmp_path: Path) -> None:
    """The columns of the view events, with their types; a file, or a folder by day."""
    done = export.parquet(chosen(full), tmp_path / name)
    files = str(tmp_path / name) if name.endswith(".parquet") else f"{tmp_path / name}/*/*.parquet"
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        count, first = con.execute(
            f"SELECT count(*), arg_min(event, ts) FROM read_parquet('{files}', hive_partitioning = true)"
        ).fetchall()[0]
        types = con.execute(f"DESCRIBE SELECT ts, value, pid, stream FROM '{files}'").fetchall()
    assert (count, first) == (done.events, "landed")
    assert [row[1] for row in types] == ["TIMESTAMP WITH TIME ZONE", "DOUBLE", "BIGINT", "BOOLEAN"]


def test_a_part(full: Imported, tmp_path: Path) -> None:
    """From a time, to a time, where a condition holds."""
    start, end = datetime.fromtimestamp(1767225603, UTC), datetime.fromtimestamp(1767225607, UTC)
    done = export.jsonl(chosen(full, start=start, end=end), tmp_path / "a.jsonl")
    assert done.events == 4  # 3, 4, 5 and 6 seconds after midnight
    asked = "kind = 'span' AND duration_ms > 0 -- those that took time"
    assert export.jsonl(chosen(full, start=start, end=end, where=asked), tmp_path / "b.jsonl").events == 1
    assert export.jsonl(chosen(full, where="false"), tmp_path / "c.jsonl").events == 0


@pytest.mark.parametrize(
    "where", ["colour = 'red'", "true); SELECT (1", "kind =", "exists (FROM read_text('/etc/hostname'))"]
)
def test_what_is_no_condition(where: str, full: Imported, tmp_path: Path) -> None:
    """Said in one sentence, and nothing is written."""
    with pytest.raises(QueryError, match="--where"):
        export.jsonl(chosen(full, where=where), tmp_path / "x.jsonl")
    assert not [p for p in tmp_path.iterdir() if "x.jsonl" in p.name]


@pytest.mark.parametrize("form", ["jsonl", "otlp", "parquet"])
def test_what_is_there_stays(form: str, full: Imported, tmp_path: Path) -> None:
    """Without force nothing is replaced; what fails half way leaves what was there."""
    write, path = getattr(export, form), tmp_path / "out.parquet"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        write(chosen(full), path)
    assert path.read_text() == "mine"
    for file in Lake.open(full.lake).snapshot().part("events")[-1:]:
        kept = Path(file.path).read_bytes()
        Path(file.path).write_bytes(kept[:100])
        with pytest.raises(Exception, match="read"):
            write(chosen(full), path, force=True)
        Path(file.path).write_bytes(kept)
    assert path.read_text() == "mine"
    assert write(chosen(full), path, force=True).events > 90
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".out")]


def test_nowhere_to_write(full: Imported, tmp_path: Path) -> None:
    """A folder that is a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        export.jsonl(chosen(full), tmp_path / "file" / "a.jsonl")


def test_the_gz_is_whole(full: Imported, tmp_path: Path) -> None:
    """An archive that any tool opens."""
    done = export.jsonl(chosen(full), tmp_path / "a.jsonl.gz")
    assert len(gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()).splitlines()) == done.events
