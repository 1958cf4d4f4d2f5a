"""The columns of the lake: one declarative table that ingest, views, docs and tests all read.

Names follow OpenTelemetry's GenAI conventions where one exists, shortened to a column name. JSON content is kept as
text columns, because Parquet's VARIANT cannot be opened by every reader of an open table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa

Type = Literal["string", "timestamp", "bigint", "double", "boolean", "json"]

ARROW_TYPES: Final[dict[str, pa.DataType]] = {
    "string": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "json": pa.string(),
}
DUCKDB_TYPES: Final[dict[str, str]] = {
    "string": "VARCHAR",
    "timestamp": "TIMESTAMPTZ",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "json": "VARCHAR",
}
KINDS: Final = (
    "span",
    "metric",
    "run",
    "prediction",
    "score",
    "feedback",
    "decision",
    "contract",
    "artifact",
    "stage",
    "alert",
    "log",
)
LEVELS: Final = ("debug", "info", "warning", "error", "critical")
STATUSES: Final = ("ok", "error", "cancelled", "timeout", "running")
STAGES: Final = ("shadow", "canary", "production", "retired", "rolled_back")
VERSION_PARTS: Final = (
    "dataset",
    "features",
    "labels",
    "hyperparameters",
    "architecture",
    "metrics",
    "inference",
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, type, meaning, unit, and the other keys it is read from, best first."""

    name: str
    type: Type
    doc: str
    unit: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def duckdb_type(self) -> str:
        """The column's type in DuckDB."""
        return DUCKDB_TYPES[self.type]

    @property
    def arrow_type(self) -> pa.DataType:
        """The column's type in Arrow, and so in Parquet and Delta."""
        return ARROW_TYPES[self.type]


def _s(name: str, doc: str, *aliases: str) -> Column:
    return Column(name, "string", doc, "", aliases)


def _n(name: str, doc: str, *aliases: str, unit: str = "tokens") -> Column:
    return Column(name, "bigint", doc, unit, aliases)


def _j(name: str, doc: str, *aliases: str) -> Column:
    return Column(name, "json", doc, "JSON", aliases)


EVENT_COLUMNS: Final[tuple[Column, ...]] = (
    _s("event_id", "UUIDv7 of the event, the deduplication key; derived deterministically where the line has none"),
    Column(
        "ts",
        "timestamp",
        "when it happened; for spans the start; the time of ingest (ts = ingested_at) where the line has none",
        "UTC, microseconds",
        ("timestamp", "time", "@timestamp", "asctime", "start_time", "timestamp_ns", "time_iso8601"),
    ),
    _s("event", "what happened", "message", "msg"),
    _s("kind", "span, metric, run, prediction, score, feedback, decision, contract, artifact, stage, alert or log"),
    _s("level", "debug, info, warning, error or critical", "severity", "levelname", "log.level"),
    _s("run_id", "training, evaluation or agent run", "mlflow.run_id", "mlflow_run_id"),
    _s("parent_run_id", "the run that started this run", "mlflow.parentRunId"),
    _s("model", "the model asked for", "gen_ai.request.model", "llm.model_name", "gen_ai.response.model"),
    _s("model_version", "the exact version that answered", "mlflow.model_version"),
    _s("provider", "who serves the model", "gen_ai.provider.name", "gen_ai.system", "llm.provider"),
    _s("response_id", "the provider's id of the answer", "gen_ai.response.id"),
    _s("request_id", "one user request", "http.request.id", "requestId", "reqId"),
    _s("session_id", "the conversation", "session.id", "gen_ai.conversation.id", "sessionId"),
    _s("user_id", "the user, hashed unless told otherwise", "user.id", "enduser.id", "langfuse.user.id", "userId"),
    _s("trace_id", "W3C trace id, 32 hex digits", "trace.id", "traceId"),
    _s("span_id", "W3C span id, 16 hex digits", "span.id", "spanId"),
    _s("parent_span_id", "the span that this one is in", "parent_id"),
    _s("environment", "dev, staging or prod", "deployment.environment.name", "deployment.environment"),
    _s("variant", "champion, shadow, canary, A or B"),
    _s("service", "the service that wrote it", "service.name"),
    _s("host", "the host that wrote it", "hostname", "host.name"),
    _n("pid", "the process that wrote it", "process.pid", "process", unit=""),
    Column("duration_ms", "double", "how long it took", "milliseconds"),
    Column("ttft_ms", "double", "time to the first token", "milliseconds"),
    _n(
        "input_tokens",
        "tokens in, cached ones included",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
    ),
    _n(
        "output_tokens",
        "tokens out, reasoning ones included",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
    ),
    _n(
        "cache_read_tokens",
        "the part of input_tokens read from a cache",
        "gen_ai.usage.cache_read.input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    _n(
        "cache_write_tokens",
        "the part of input_tokens written to a cache",
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    _n(
        "reasoning_tokens",
        "the part of output_tokens spent on reasoning",
        "gen_ai.usage.reasoning.output_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
    Column(
        "cost_usd",
        "double",
        "cost as reported by the writer",
        "US dollars",
        ("operation.cost", "gen_ai.usage.cost", "llm.cost.total", "mlflow.llm.cost"),
    ),
    _s("status", "ok, error, cancelled, timeout or running"),
    _s("error_type", "the error's class", "error.type", "exception.type"),
    _s("error_message", "the error's text", "error.message", "exception.message"),
    _n("attempt", "1 for the first try", unit="count"),
    _s("idempotency_key", "the same key is the same external call"),
    _s("finish_reason", "why the model stopped"),
    _s(
        "operation",
        "chat, embeddings, execute_tool, invoke_agent, retrieval, guardrail, predict, ...",
        "gen_ai.operation.name",
    ),
    _s("agent", "the agent's name", "gen_ai.agent.name"),
    _s("tool", "the tool's name", "gen_ai.tool.name", "tool.name"),
    _s("name", "the name of the span, metric, score, contract, artifact or feedback"),
    _n("step", "training step or epoch", unit="count"),
    Column("value", "double", "the value of a metric, score or feedback"),
    _s("unit", "the unit of value"),
    _s("label", "the label of a score, or the kind of a contract (pre, post, policy, budget)"),
    _s("source", "who scored: human, judge or code"),
    Column("stream", "boolean", "whether the answer was streamed"),
    _s("fold", "walk-forward fold of a metric or run"),
    Column("passed", "boolean", "whether a contract held"),
    _s("action", "what was done about a broken contract"),
    _s("choice", "what an agent decided"),
    _s("reason", "why: of a decision, a stage change, a score"),
    _s("uri", "where an artifact is"),
    _s("content_hash", "an artifact's content hash"),
    _n("size_bytes", "an artifact's size", unit="bytes"),
    _s("stage", "shadow, canary, production, retired or rolled_back"),
    _s("actor", "by whom a stage was changed"),
    _s("git_commit", "the code's commit of a run"),
    _j("features", "numeric and categorical inputs by name"),
    _j("outputs", "numeric and categorical outputs by name"),
    _j("params", "hyperparameters of a run"),
    _j("versions", "the seven independently versioned parts of a run"),
    _j("pins", "what makes a run reproducible: seeds, library versions, hardware, driver"),
    _j("options", "among which an agent decided"),
    _j("labels", "labels of an alert"),
    _j("input", "input text or JSON, redacted and capped", "input.value"),
    _n("input_length", "the full input's length", unit="characters"),
    _s("input_hash", "SHA-256 of the full input"),
    _j("output", "output text or JSON, redacted and capped", "output.value"),
    _n("output_length", "the full output's length", unit="characters"),
    _s("output_hash", "SHA-256 of the full output"),
    _j("attributes", "everything else the line held, lossless"),
)
"""What a line of input can fill."""

ORIGIN_COLUMNS: Final[tuple[Column, ...]] = (
    _s("source_id", "the input this line came from (fingerprint; stable over renames)"),
    _n("source_offset", "where the line starts in its (decompressed) input", unit="bytes"),
    Column("ingested_at", "timestamp", "when it was committed", "UTC, microseconds"),
)
"""What ingest adds to each event and each ledger row."""

LEDGER_COLUMNS: Final[tuple[Column, ...]] = (
    _s("record", "source (one per input and commit), quarantine, or resolution (of a quarantine row)"),
    _s("source_path", "the input's path when it was read"),
    _n("end_offset", "source: first byte not yet consumed", unit="bytes"),
    _s("tail_hash", "source: SHA-256 of the up to 64 KiB before end_offset, to know the input again"),
    _n("lines", "source: lines read", unit="count"),
    _n("committed", "source: events committed", unit="count"),
    _n("duplicates", "source: events dropped because their event_id was known", unit="count"),
    _n("quarantined", "source: lines quarantined", unit="count"),
    _s("quarantine_id", "quarantine and resolution: source_id:source_offset, and for damage to an input more"),
    _s("error_code", "quarantine: invalid_json, invalid_utf8, wrong_type, bad_timestamp, missing, ..."),
    _s("error_field", "quarantine: the key at fault"),
    _s("error", "quarantine: what is wrong and what to do, for people"),
    _s(
        "raw",
        "quarantine: the line as it was kept: redacted, user ids hashed, and the first bytes of one that was too long",
    ),
    _s("raw_encoding", "quarantine: utf-8 or base64"),
    _n("raw_bytes", "quarantine: the length of the line as it was kept, of all of one that was too long", unit="bytes"),
    _s("raw_sha256", "quarantine: hash of the same"),
    _s("resolution", "resolution: replayed, dropped or repaired (an input whose damage is gone)"),
)
"""Bookkeeping rows, committed together with the events they speak of."""

TABLE_COLUMNS: Final[tuple[Column, ...]] = (*EVENT_COLUMNS, *ORIGIN_COLUMNS, *LEDGER_COLUMNS)
PARTITION_COLUMNS: Final = ("part", "date")
PART_EVENTS: Final = "events"
PART_LEDGER: Final = "ledger"

EVENTS: Final[dict[str, Column]] = {c.name: c for c in EVENT_COLUMNS}
"""Event columns by name."""


def alias_table(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Every key that is read into a column, mapped to that column's name; `extra` (user's aliases) wins."""
    table = {c.name: c.name for c in EVENT_COLUMNS}
    for column in EVENT_COLUMNS:
        for alias in column.aliases:
            table.setdefault(alias, column.name)
    return table | (extra or {})


def events_part() -> tuple[Column, ...]:
    """The columns of a Parquet file in part=events, in order."""
    return (*EVENT_COLUMNS, *ORIGIN_COLUMNS)


def ledger_part() -> tuple[Column, ...]:
    """The columns of a Parquet file in part=ledger, in order."""
    return (*ORIGIN_COLUMNS, *LEDGER_COLUMNS)


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """The Arrow schema of these columns, all nullable."""
    return pa.schema([pa.field(c.name, c.arrow_type) for c in columns])


def table_schema() -> pa.Schema:
    """The Delta table's schema: every column of both parts, then the partition columns (part, date)."""
    return arrow_schema(TABLE_COLUMNS).append(pa.field("part", pa.string())).append(pa.field("date", pa.date32()))
