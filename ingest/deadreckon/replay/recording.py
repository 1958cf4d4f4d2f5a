"""What a trace recorded: the input of its root, and every call of a tool or model with its arguments and result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from typing import Any, Final, Literal, Self

import orjson

from deadreckon.core.errors import DataError
from deadreckon.replay.content import Content

Kind = Literal["tool", "llm", "step"]
Row = Mapping[str, Any]

MODEL_OPERATIONS: Final = frozenset(
    (
        *("chat", "text_completion", "completion", "generate_content", "generate", "response", "responses", "llm"),
        *("embeddings", "embedding", "rerank", "predict", "inference", "image_generation", "speech", "transcription"),
    )
)
MEASURES: Final = (
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_usd"),
    *("finish_reason", "provider", "model", "model_version"),
)
"""What an answered call states again, because its span is not there to find out."""
_ADDRESS: Final = re.compile(rb" at 0x[0-9a-fA-F]+>")
_EXACT: Final = float(1 << 53)


class ReplayError(DataError):
    """A trace cannot be replayed."""

    kind = "replay"


def kind_of(operation: str | None, tool: str | None) -> Literal["tool", "llm"] | None:
    """What a span is a call of, None for the program's own steps."""
    if operation in MODEL_OPERATIONS:
        return "llm"
    if operation in ("execute_tool", "retrieval") or (tool and operation in (None, "internal")):
        return "tool"
    return None


@dataclass(frozen=True)
class Call:
    """One recorded call.

    Attributes:
        name: the tool's name, else the span's; `step` the span's own.
        kind: what it calls; `step` for the program's own steps.
        input, output: what was recorded of arguments and result.
        duration_ms: how long it took then, None where that is not known.
        measures: its tokens, cost and model, as they were recorded.
    """

    span_id: str
    parent_span_id: str | None
    name: str
    step: str
    kind: Kind
    input: Content
    output: Content
    status: str
    error_type: str | None
    error_message: str | None
    duration_ms: float | None
    measures: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Row) -> Self:
        """The call that a span was."""
        step = str(row["name"] or row["event"] or row["operation"])
        return cls(
            span_id=row["span_id"],
            parent_span_id=row["parent_span_id"],
            name=str(row["tool"] or step),
            step=step,
            kind=kind_of(row["operation"], row["tool"]) or "step",
            input=Content.of(row, "input"),
            output=Content.of(row, "output"),
            status=row["status"] or ("error" if row["error_type"] else "ok"),
            error_type=row["error_type"],
            error_message=row["error_message"],
            duration_ms=row["duration_ms"],
            measures={key: row[key] for key in MEASURES if row[key] is not None},
        )

    @cached_property
    def plain(self) -> bytes | None:
        """The arguments as JSON in which equal ones are equal bytes; None where they are not there whole."""
        return as_json(self.arguments) if self.arguments is not None else None

    @cached_property
    def arguments(self) -> dict[str, Any] | None:
        """The arguments by name; None where they are not there whole."""
        value = self.input.value if self.input.trouble("") is None else None
        return value if isinstance(value, dict) else None


@dataclass(frozen=True)
class Recording:
    """A trace as it can be replayed: its root, and the calls below it in the order in which they began."""

    trace_id: str
    root: Call
    calls: tuple[Call, ...]

    @classmethod
    def read(cls, connection: Any, trace_id: str) -> Self:
        """The recording of a trace, from a connection that `deadreckon.queries.connect` gave.

        Raises:
            ReplayError: it cannot be replayed; the message says what is not there.
        """
        found = connection.execute(sql(), {"trace": trace_id})
        columns = [one[0] for one in found.description]
        return cls.of(trace_id, (dict(zip(columns, row, strict=True)) for row in found.fetchall()))

    @classmethod
    def of(cls, trace_id: str, rows: Iterable[Row]) -> Self:
        """The recording that the rows of `sql()` make.

        Raises:
            ReplayError: there is no root, or more than one, or it never ended.
        """
        ended: dict[str, Row] = {}
        for row in rows:
            known = ended.get(row["span_id"])
            if known is None or known["status"] == "running":
                ended[row["span_id"]] = row
        root = _root(trace_id, ended)
        calls = [Call.of(row) for row in ended.values() if row is not root]
        return cls(trace_id, Call.of(root), tuple(calls))

    @cached_property
    def inside(self) -> dict[str, list[str]]:
        """The span ids of the calls directly inside of a call, by its own."""
        found: dict[str, list[str]] = {}
        for call in self.calls:
            found.setdefault(call.parent_span_id or "", []).append(call.span_id)
        return found

    def limit(self, usual: int) -> int:
        """How many characters of content to keep, for what is kept now to be comparable with what was kept then."""
        kept = [c for call in (self.root, *self.calls) for c in (call.input, call.output) if c.text is not None]
        longest = max((len(c.text or "") for c in kept), default=0)
        return longest if any(c.is_cut for c in kept) else max(longest, usual)

    def arguments(self, given: Mapping[str, Any] | None = None, *, masked: bool = False) -> dict[str, Any]:
        """The arguments of the root by name, those `given` over the recorded ones.

        `masked`: masks that stand in place of secrets are taken as they are.

        Raises:
            ReplayError: they were not recorded whole, and not all given.
        """
        given = dict(given or {})
        found, name = self.root.input, f"the input of {self.root.step!r}, the root of trace {self.trace_id},"
        hint = "give them: --set NAME=JSON"
        trouble = found.trouble(name)
        if trouble is not None:
            if given:
                return given
            raise ReplayError(trouble, hint=f"{hint}; record with configure(capture='text') and a capture_limit")
        value = found.value
        if not isinstance(value, dict):
            if given:
                return given
            raise ReplayError(
                f"{name} is no arguments by name, as @emit.trace records them: {found.shown()}",
                hint=f"{hint} says them",
            )
        hidden = [key for key in value if key not in given and Content.masks(value[key], key)]
        if hidden and not masked:
            raise ReplayError(
                f"{name} was redacted: {', '.join(f'{key} holds {Content.masks(value[key], key)}' for key in hidden)}",
                hint="give what it was, --set NAME=JSON, or replay with the masks: --masked",
            )
        return {**value, **given}


def sql() -> str:
    """The question for the spans of `$trace`, whose rows `Recording.of` takes."""
    return (resources.files("deadreckon.replay") / "recording.sql").read_text("utf-8")


def _root(trace_id: str, spans: Mapping[str, Row]) -> Row:
    if not spans:
        raise ReplayError(f"trace {trace_id!r} has no span", hint="reckon trace ID shows what an id leads to")
    look = f"reckon trace {trace_id} shows it"
    roots = [row for row in spans.values() if row["parent_span_id"] is None]
    if not roots:
        tops = [row for row in spans.values() if row["parent_span_id"] not in spans]
        missing = {row["parent_span_id"] for row in tops}
        if len(tops) != 1:
            raise ReplayError(
                f"trace {trace_id} has no root: its {len(spans)} spans are below "
                f"{', '.join(sorted(missing)) or 'a circle'}, which never ended or was recorded elsewhere",
                hint=look,
            )
        roots = tops
    if len(roots) > 1:
        names = ", ".join(str(row["name"]) for row in roots[:5])
        raise ReplayError(f"trace {trace_id} has {len(roots)} roots ({names}): one call makes a replay", hint=look)
    if roots[0]["status"] == "running":
        raise ReplayError(f"trace {trace_id} is unfinished: its root {roots[0]['name']!r} never ended", hint=look)
    return roots[0]


def as_json(value: Any) -> bytes:
    """JSON in which equal values are equal bytes; so are 2 and 2.0, and objects that only lay elsewhere in memory."""
    return _ADDRESS.sub(b" at 0x>", orjson.dumps(_evened(value), option=orjson.OPT_SORT_KEYS))


def _evened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _evened(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_evened(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT else value
