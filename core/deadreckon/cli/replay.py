"""`reckon replay`: recorded traces run again against other code, and what came out differently."""

from __future__ import annotations

import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import chosen, say

if TYPE_CHECKING:
    from deadreckon.cli.replay_verdict import Verdict
    from deadreckon.core.settings import Settings
    from deadreckon.queries.sandbox import Sandbox
    from deadreckon.queries.tree import Tree


def command(
    traces: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TRACE ... | -]", help="Ids of traces or requests; - reads them from standard input."),
    ] = None,
    *,
    with_: Annotated[str, typer.Option("--with", metavar="MODULE:FUNCTION", help="What is called in their place.")],
    where: Annotated[
        str | None, typer.Option("--where", metavar="SQL", help="Traces of the view `traces` for which this holds.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, of --where the newest.")] = 100,
    live: Annotated[
        list[str] | None,
        typer.Option("--live", metavar="WHAT", help="Call for real: llm, tool, tool:NAME, llm:NAME, all."),
    ] = None,
    missing: Annotated[
        str, typer.Option("--missing", help="A call that was not recorded: error, live, or skip (returns None).")
    ] = "error",
    answer: Annotated[
        list[str] | None,
        typer.Option("--answer", metavar="STEP", help="Answer this traced step too, though it is no tool or model."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=JSON", help="An argument, over the recorded one.")
    ] = None,
    masked: Annotated[
        bool, typer.Option("--masked", help="Take redacted inputs and results as they are, [email] and all.")
    ] = False,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds that one replay may take.")] = 60.0,
    environment: Annotated[str, typer.Option("--environment", help="Of the new runs' events.")] = "replay",
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> None:
    """Run recorded traces again with other code; calls of tools and models get the results that were recorded.

    The code is imported in a process of its own, from the working directory too. The exit code is 0 when all are the
    same, 1 when something is different or failed. The new runs go into the lake, as environment `replay`.

    Example: reckon replay 4bf92f3577b34da6a3ce929d0e0e4736 --with shop.agent:answer

    Example: reckon replay --where "agent = 'support' and status = 'ok'" --limit 20 --with shop.agent:answer --live llm
    """
    from deadreckon.cli.deadletter import _input
    from deadreckon.cli.replay_shown import show_many, show_one
    from deadreckon.queries.sandbox import Sandbox
    from deadreckon.replay.replay import check

    check(live or (), missing)
    order = {
        "entry": with_,
        "given": dict(map(_input, set_ or ())),
        "masked": masked,
        "environment": environment,
        "live": live or [],
        "missing": missing,
        "answer": answer or [],
    }
    settings = settings_for(lake, config)
    with Sandbox(settings) as sandbox:
        ids = _ids(sandbox, traces, where, limit, environment)
        single = len(ids) == 1 and where is None and traces != ["-"]
        verdicts = _replay(sandbox, settings, ids, order, timeout, single=single)
    shown = chosen(format_)
    if single:
        show_one(verdicts[0], shown)
    else:
        show_many(verdicts, shown)
    if any(verdict.outcome != "same" for verdict in verdicts):
        raise typer.Exit(1)


def _ids(sandbox: Sandbox, traces: list[str] | None, where: str | None, limit: int, environment: str) -> list[str]:
    from deadreckon.core.errors import DataError, UsageError

    if bool(traces) == (where is not None):
        raise UsageError("name traces or say --where, not both", hint="reckon replay --help shows examples")
    if where is not None:
        # Replays are left out, or the next one would replay them.
        sql = (
            f"SELECT trace_id FROM traces WHERE (\n{where}\n) AND COALESCE(environment, '') <> $environment "  # noqa: S608  # the sandbox lets nobody write
            "ORDER BY started_at DESC"
        )
        found = [row[0] for row in sandbox.query(sql, {"environment": environment}, max_rows=limit).rows]
        if not found:
            raise DataError(f"there is no trace where {where}", hint='reckon sql "select * from traces" shows them')
        return found
    if traces == ["-"]:
        traces = sys.stdin.read().split()
    found = list(dict.fromkeys(traces or ()))
    if not found:
        raise UsageError("there are no ids on standard input", hint="one id a line")
    if len(found) > limit:
        say(f"{limit} of {len(found)} are replayed; --limit says how many")
    return found[:limit]


def _replay(
    sandbox: Sandbox, settings: Settings, ids: list[str], order: dict[str, Any], timeout: float, *, single: bool
) -> list[Verdict]:
    from deadreckon.cli.replay_process import Worker
    from deadreckon.cli.replay_spool import store
    from deadreckon.cli.replay_verdict import Verdict, judged
    from deadreckon.core.errors import DataError, UsageError

    folder = Path(tempfile.mkdtemp(prefix="reckon-replay-"))
    spool = folder / "spool"
    ran: list[tuple[str, Tree | None, dict[str, Any]]] = []
    stored = False
    try:
        with Worker({**order, "spool": str(spool)}, timeout) as worker:
            for id_ in ids:
                try:
                    tree, job = _recorded(sandbox, id_)
                except DataError as error:
                    if single:
                        raise
                    ran.append((id_, None, {"cannot": error.as_dict()}))
                    continue
                said = {"trace_id": job["new"], **worker.replay(job)}
                if single and "cannot" in said:
                    kind = UsageError if said["cannot"]["kind"] == "usage" else DataError
                    raise kind(said["cannot"]["message"], hint=said["cannot"]["hint"])
                ran.append((tree.trace_id, tree, said))
        if any("cannot" not in said for _, _, said in ran):
            stored = store(settings, spool, order["environment"])
    finally:
        if stored or not any("cannot" not in said for _, _, said in ran):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            say(f"the new runs are not in the lake: reckon ingest {spool} --lake {settings.lake}")
    _say_unheard(order, [call for _, _, said in ran for call in said.get("calls", ())])
    verdicts = []
    for id_, a, said in ran:
        if a is None or "cannot" in said:
            cannot = said["cannot"]
            verdicts.append(Verdict(id_, "failed", cannot["message"], cannot["hint"], a, said=said))
            continue
        verdicts.append(judged(id_, said, a, _grown(sandbox, said["trace_id"])))
    return verdicts


def _say_unheard(order: dict[str, Any], calls: list[dict[str, Any]]) -> None:
    """Say which names of --live and --answer met no call: they may be misspelt."""
    from deadreckon.core.settings import nearest

    called = sorted({f"{call['kind']}:{call['name']}" for call in calls})
    named = [("--live", one, one) for one in order["live"] if ":" in one]
    named += [("--answer", one, f"step:{one}") for one in order["answer"]]
    for option, said, wanted in named:
        if called and wanted not in called:
            say(f"{option} {said} met no call: {nearest(wanted, called)}")


def _recorded(sandbox: Sandbox, id_: str) -> tuple[Tree, dict[str, Any]]:
    from deadreckon.core.errors import DataError
    from deadreckon.queries.trace import find
    from deadreckon.replay.recording import sql

    found = find(sandbox, id_, max_traces=1)
    if not found.traces:
        raise DataError(
            f"the {found.kind} {id_!r} is in no trace", hint=f"reckon trace {id_} shows what there is of it"
        )
    tree = found.traces[0]
    if found.more_traces:
        say(f"{found.kind} {id_} has {found.more_traces + 1} traces: the first, {tree.trace_id}, is replayed")
    answer = sandbox.query(sql(), {"trace": tree.trace_id})
    if answer.truncated:
        raise DataError(
            f"trace {tree.trace_id} is larger than an answer may be: a part of it is no recording",
            hint="raise query.max_rows and query.max_bytes in deadreckon.toml",
        )
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    return tree, {"trace": tree.trace_id, "new": secrets.token_hex(16), "rows": rows}


def _grown(sandbox: Sandbox, trace_id: str) -> Tree | None:
    from deadreckon.core.errors import DataError
    from deadreckon.queries.trace import find

    try:
        found = find(sandbox, trace_id, kind="trace", max_traces=1)
    except DataError:
        return None
    return found.traces[0] if found.traces and found.traces[0].spans else None
