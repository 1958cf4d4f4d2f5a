"""The process in which replayed code runs: `python -m deadreckon.replay.worker JOBS ANSWERS`, two file descriptors.

It may print, hang, fork or end as it likes. The first line says what to run; it is answered with whether that can be
done. Each further line is a trace to replay, answered by how it ended.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, TextIO

from deadreckon import emit, replay
from deadreckon.core.errors import DeadreckonError
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._failure import error_fields, status_of
from deadreckon.emit._sampling import Sampler
from deadreckon.emit._settings import Settings
from deadreckon.replay import NotAnsweredError, Recording, rebuild, target


class ReplayTimeoutError(BaseException):
    """The replay took too long; no `Exception`, so that no fallback of the program hides it."""


def main(jobs: TextIO, answers: TextIO) -> None:
    """Serve jobs until there are no more."""

    def say(answer: Mapping[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    order = json.loads(jobs.readline())
    _keep_settings(order)
    _settle(order)  # what the module emits as it is imported is no part of the application's log either
    try:
        function = target.found(order["entry"])
    except DeadreckonError as error:
        say({"cannot": error.as_dict()})
        return
    except (SystemExit, KeyboardInterrupt) as error:
        hint = "a module that is imported must not end the program"
        say(
            {"cannot": {"kind": "usage", "message": f"importing {order['entry']!r} ended with {error!r}", "hint": hint}}
        )
        return
    # What costs time once is done before anything is timed.
    asyncio.new_event_loop().close()
    rebuild.shaped(1, int)
    say({"ready": True})
    here = os.getpid()
    for line in jobs:
        answer = _replayed(function, order, json.loads(line))
        if os.getpid() != here:
            os._exit(0)  # the code forked, and its child came back too: one of them answers
        say(answer)
    emit.close()


def _replayed(function: Any, order: dict[str, Any], job: Mapping[str, Any]) -> dict[str, Any]:
    try:
        recording = Recording.of(job["trace"], job["rows"])
        arguments = recording.arguments(order["given"], masked=order["masked"])
        arguments = target.fitting(function, order["entry"], arguments)
    except DeadreckonError as error:
        return {"cannot": error.as_dict()}
    _settle(order, job["new"], recording)
    options = {key: order[key] for key in ("live", "missing", "answer", "masked", "environment")}
    before = set(threading.enumerate())
    ended: BaseException | None = None
    with replay.replaying(recording, everywhere=True, trace_id=job["new"], **options) as run:
        # The first event opens the spool, which is no part of what the code takes.
        emit.event("replay.begin", kind="log", entry=order["entry"])
        signal.signal(signal.SIGTERM, _too_long)
        try:
            target.run(function, arguments, recording)
        except BaseException as error:  # noqa: BLE001  # whatever ends the code is what came of it
            ended = error
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if run.refused is not None:
            ended = run.refused
        failure = {**error_fields(ended), "hint": getattr(ended, "hint", "")} if ended is not None else None
        emit.flush()
    return {
        "trace_id": run.trace_id,
        "replay_id": run.id,
        "status": "ok" if ended is None else "error" if isinstance(ended, NotAnsweredError) else status_of(ended),
        "refused": run.refused is not None,
        "timed_out": isinstance(ended, ReplayTimeoutError),
        "failure": failure,
        "calls": [dataclasses.asdict(call) for call in run.calls],
        "unused": [{"name": c.name, "kind": c.kind, "span_id": c.span_id} for c in run.unused()],
        "threads": [t.name for t in threading.enumerate() if t not in before and not t.name.startswith("deadreckon")],
    }


def _too_long(_number: int, _frame: object) -> NoReturn:
    raise ReplayTimeoutError("it took longer than --timeout")


def _keep_settings(order: dict[str, Any]) -> None:
    """Let the replayed code configure emit as it likes, but for where its events go and that they are kept."""
    configure = emit.configure

    def settled(**given: Any) -> None:
        configure(**given)
        _settle(order)

    emit.configure = settled


def _settle(order: dict[str, Any], run: str = "", recording: Recording | None = None) -> None:
    """Let events go where the replay's go, and keep as much of their content as was kept then.

    `run`: the replay that begins; guards remember nothing of those before.
    """
    settings: Settings = EMITTER.settings
    folder = Path(order["spool"])
    if recording is not None:
        order["state"] = str(folder.with_name(f"state-{run}"))
        order["limit"] = recording.limit(settings.content.limit)
    # Guards that remember calls must not learn from answers that were only recorded; where tools are called for real,
    # they must keep them from being called twice.
    real = order["missing"] == "live" or any(one == "all" or one.startswith("tool") for one in order["live"])
    kept = dataclasses.replace(
        settings,
        spool=dataclasses.replace(
            settings.spool, directory=folder, fallback=folder / "fallback", fallback_shared=False, buffer_ms=0.0
        ),
        content=dataclasses.replace(settings.content, capture="text", limit=order.get("limit", settings.content.limit)),
        static={**settings.static, "environment": order["environment"]},
        threshold=min(settings.threshold, 50),
        sampler=Sampler(1.0, (), keep_errors=True),
        state=settings.state if real else Path(order.get("state", folder.with_name("state"))),
    )
    if kept != settings:
        EMITTER.configure(kept)


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  # sys.path holds texts
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(int(sys.argv[1])) as jobs, open(int(sys.argv[2]), "w") as answers:  # noqa: PTH123  # descriptors
        main(jobs, answers)
    os._exit(0)  # threads that the code left behind do not hold the command up
