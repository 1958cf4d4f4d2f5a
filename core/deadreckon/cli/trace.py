"""`reckon trace`: one request, trace, span or session as a tree."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, dumps, say, show_rows

if TYPE_CHECKING:
    from deadreckon.queries.findings import Loop
    from deadreckon.queries.trace import Found, Kind
    from deadreckon.queries.tree import Tree

_FIELDS: Final = (
    *("event_id", "ts", "kind", "span_id", "parent_span_id", "operation", "duration_ms", "ttft_ms", "model"),
    *("model_version", "agent", "tool", "attempt", "input_tokens", "output_tokens", "error_type", "error_message"),
    *(
        "value",
        "label",
        "source",
        "choice",
        "reason",
        "passed",
        "action",
        "request_id",
        "session_id",
        "user_id",
        "run_id",
    ),
    *("service", "environment", "variant", "input", "input_length", "output", "output_length"),
)
_TRUNCATED: Final = "truncated: there are more events than query.max_rows and query.max_bytes let through"
_TIMES: Final = ("self_ms", "critical_ms", "critical_self_ms")


def command(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A request, trace, span, session, run or event id.")],
    other: Annotated[
        str | None, typer.Argument(metavar="[OTHER]", help="A second id: its trace beside the first, span by span.")
    ] = None,
    *,
    kind: Annotated[str | None, typer.Option("--kind", help="What the id names, where it names several.")] = None,
    logs: Annotated[bool, typer.Option("--logs", help="With plain log lines.")] = False,
    max_traces: Annotated[int, typer.Option("--max-traces", min=1, help="Traces to draw at most.")] = 20,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Draw what an id leads to as a tree, with times, status, tokens and cost, and what stands out in it.

    With two ids, the first trace of each stands beside the other, aligned by the names from the root down.

    Example: reckon trace req-7f3a

    Example: reckon trace req-7f3a req-91bc

    Example: reckon trace ses-01 --format json
    """
    from deadreckon.queries.sandbox import Sandbox
    from deadreckon.queries.trace import find

    settings = settings_for(lake, config)
    with Sandbox(settings) as sandbox:
        found = find(sandbox, id_, kind=_kind(kind), logs=logs, max_traces=max_traces if other is None else 1)
        second = find(sandbox, other, kind=_kind(kind), max_traces=1) if other is not None else None
    shown = chosen(format_)
    if second is not None:
        from deadreckon.cli.trace_pair import show_pair

        asked = [f"{one.kind} {one.id}" for one in (found, second)]
        show_pair(_only(found), _only(second), asked, shown)
        if found.truncated or second.truncated:
            say(_TRUNCATED)
        return
    if shown is Format.json:
        sys.stdout.write(dumps(_document(found), indent=True))
    elif shown is Format.table:
        from deadreckon.cli.drawing import draw_found

        draw_found(found)
    else:
        records = _flat(found)
        columns = list(records[0]) if records else []
        show_rows(columns, [list(r.values()) for r in records], shown)
    if found.more_traces and shown is not Format.json:
        say(f"{found.more_traces} more traces: --max-traces shows more")
    if found.truncated and shown is not Format.json:
        say(_TRUNCATED)


def _only(found: Found) -> Tree:
    from deadreckon.core.errors import DataError

    if not found.traces:
        raise DataError(
            f"the {found.kind} {found.id!r} is in no trace", hint=f"reckon trace {found.id} shows what there is of it"
        )
    if found.more_traces:
        taken = found.traces[0].trace_id
        say(f"{found.kind} {found.id} has {found.more_traces + 1} traces: the first, {taken}, is taken")
    return found.traces[0]


def _kind(kind: str | None) -> Kind | None:
    from deadreckon.core.errors import UsageError
    from deadreckon.queries.trace import KINDS

    for known in KINDS:
        if known == kind:
            return known
    if kind is None:
        return None
    raise UsageError(f"--kind {kind!r} is none of the kinds of id", hint=f"one of {', '.join(KINDS)}")


def _document(found: Found) -> dict[str, Any]:
    """Flat rows with their depth rather than nested objects: a trace may be deeper than JSON readers go."""
    from deadreckon.queries.findings import loops_of, retries_of, tools_of

    return {
        "id": found.id,
        "kind": found.kind,
        "also": found.also,
        "count": len(found.traces),
        "more_traces": found.more_traces,
        "truncated": found.truncated,
        "as_of": found.as_of,
        "traces": [
            {
                "trace_id": tree.trace_id,
                "started_at": tree.started_at,
                "duration_ms": tree.duration_ms,
                "spans": len(tree.spans),
                "failed_spans": sum(n.failed for n in tree.nodes),
                "model_calls": sum(n.counted for n in tree.nodes),
                "unpriced_calls": sum(n.cost_source == "unpriced" for n in tree.nodes),
                "input_tokens": tree.total("input_tokens"),
                "output_tokens": tree.total("output_tokens"),
                "cost_usd": tree.cost_usd,
                "retries": retries_of(tree.spans),
                "nodes": [_row(node) for node in tree.nodes],
                "tools": [asdict(use) for use in tools_of(tree)],
                "loops": [_loop(loop) for loop in loops_of(tree)],
            }
            for tree in found.traces
        ],
        "beside": [{k: v for k, v in event.items() if v is not None} for event in found.beside],
    }


def _loop(loop: Loop) -> dict[str, Any]:
    said = {f: getattr(loop, f) for f in ("kind", "what", "calls", "failed", "retries", "wasted_ms", "wasted_usd")}
    ends = {"first_event_id": loop.first.event["event_id"], "last_event_id": loop.last.event["event_id"]}
    return said | ends | {"input": loop.first.event["input"]}


def _row(node: Any) -> dict[str, Any]:
    from deadreckon.queries.tree import status_of

    row = {"depth": node.depth, "name": node.name, "status": status_of(node.event), "offset_ms": node.offset_ms}
    if node.event["kind"] == "span":
        row |= {field: getattr(node, field) for field in _TIMES}
    row |= {field: node.event[field] for field in _FIELDS if node.event[field] is not None}
    if node.counted:
        row |= {"cost_usd": node.cost_usd, "cost_source": node.cost_source}
    return row | ({"note": node.note} if node.note else {})


def _flat(found: Found) -> list[dict[str, Any]]:
    rows = []
    for tree in found.traces:
        for node in tree.nodes:
            row = _row(node)
            fields = ("depth", "name", "status", "offset_ms", *_TIMES, *_FIELDS, "cost_usd", "cost_source", "note")
            rows.append({"trace_id": tree.trace_id, **{field: row.get(field) for field in fields}})
    return rows
