"""Everything about one id: what it names, the traces in which it stands, and what was said about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any, Final, Literal

from deadreckon.core.errors import DataError, UsageError
from deadreckon.queries.sandbox import Answer, Sandbox
from deadreckon.queries.tree import Tree, grow

Kind = Literal["request", "trace", "span", "session", "run", "response", "event"]
KINDS: Final[tuple[Kind, ...]] = ("request", "trace", "span", "session", "run", "response", "event")
"""What an id may name, in the order in which it is taken where it names several."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an id led to.

    Attributes:
        id: as it was asked for.
        kind: what it names; `also` what else it names.
        traces: the trees, earliest first, at most as many as were asked for.
        more_traces: how many traces there are beyond those.
        beside: events of the same requests that are in no trace, such as feedback; all of them where there is no trace.
        truncated: whether there were more events than the limits of the sandbox let through.
        as_of: when the newest line known was ingested.
    """

    id: str
    kind: Kind
    also: tuple[Kind, ...]
    traces: list[Tree]
    more_traces: int
    beside: list[dict[str, Any]]
    truncated: bool
    as_of: datetime | None


def find(sandbox: Sandbox, id_: str, *, kind: Kind | None = None, logs: bool = False, max_traces: int = 20) -> Found:
    """What an id of a request, trace, span, session, run, provider's response or single event leads to.

    `kind`: what it names, where that is not to be found out. `logs`: with plain log lines.

    Raises:
        DataError: no event has this id.
    """
    if not id_.strip():
        raise UsageError("the id is empty", hint="reckon trace REQUEST_ID, or a trace, span or session id")
    counted = _ask(sandbox, "find_id", {"id": id_})
    named = [k for k, n in zip(KINDS, counted.rows[0], strict=True) if n]
    if kind is not None and kind not in named:
        raise DataError(f"no event has the {kind} id {id_!r}", hint=_elsewhere(named))
    if not named:
        raise DataError(f"no event has the id {id_!r}", hint=_elsewhere(named))
    taken = kind or named[0]
    known = _ask(sandbox, "traces_of_id", {"id": id_, "kind": taken}).rows
    shown = known[:max_traces]
    ids = [trace_id for trace_id, _, _ in shown]
    costs: dict[str, dict[str, Any]] = {}
    if shown:
        # The days keep everything else in the lake unread.
        bounds = {"traces": ids, "first_day": min(r[1] for r in shown), "last_day": max(r[2] for r in shown)}
        answer = _ask(sandbox, "trace_events", {**bounds, "logs": logs})
        costs = {r["event_id"]: r for r in _records(_ask(sandbox, "trace_costs", bounds))}
        requests = sorted({e["request_id"] for e in _records(answer) if e["request_id"]})
        beside = _records(_ask(sandbox, "beside_events", {"requests": requests})) if requests else []
    else:
        # Without a trace, log lines are all there is to show.
        answer = _ask(sandbox, "request_events", {"id": id_, "kind": taken, "logs": True})
        beside = _records(answer)
    events = _records(answer)
    return Found(
        id=id_,
        kind=taken,
        also=tuple(k for k in named if k != taken),
        traces=[grow(t, (e for e in events if e["trace_id"] == t), costs) for t in ids],
        more_traces=len(known) - len(shown),
        beside=beside,
        truncated=answer.truncated,
        as_of=answer.as_of,
    )


def _elsewhere(named: list[Kind]) -> str:
    if named:
        return f"it names a {' and a '.join(named)}; leave out --kind"
    return 'reckon sql "select request_id, trace_id, name from requests order by started_at desc limit 10" lists some'


def _ask(sandbox: Sandbox, question: str, params: dict[str, Any]) -> Answer:
    sql = (resources.files("deadreckon.queries") / "questions" / f"{question}.sql").read_text("utf-8")
    return sandbox.query(sql, params)


def _records(answer: Answer) -> list[dict[str, Any]]:
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
