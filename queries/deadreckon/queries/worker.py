"""The sandbox's process: reads requests from stdin, answers on stdout, and can do nothing else.

DuckDB's memory limit does not see what a function makes inside one value (`repeat('x', 1000000000)` over a thousand
rows takes the machine down), and nothing interrupts a function at work inside one value. A process of its own can be
bounded by the kernel, and killed.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, BinaryIO, Final

import duckdb

from deadreckon.core.errors import QueryError
from deadreckon.queries.binding import Binding, Part, ViewText
from deadreckon.queries.confinement import bound_memory, forbid_writing
from deadreckon.queries.engine import Engine, Limits
from deadreckon.queries.wire import HEADER_BYTES, pack, unpack

LEAST_BYTES: Final = 32_000_000
GRACE_S: Final = 2.0
"""How long a query may go on after its time before its process ends itself."""


def main() -> None:
    """Serve requests until stdin ends."""
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    forbid_writing()  # before DuckDB makes threads: it holds for those that come after
    os.dup2(2, 1)  # whatever prints must not end up between the answers
    engine: Engine | None = None
    limits: Limits | None = None
    while (request := _read(requests)) is not None:
        try:
            if "binding" in request:
                if engine is not None:
                    engine.close()
                limits = Limits(**request["limits"])
                bound_memory(_bytes(limits), limits.threads or os.cpu_count() or 1)
                engine = Engine(_binding(request["binding"]), limits)
                answer: dict[str, Any] = {}
            elif engine is None or limits is None:
                answer = {"refused": ["the sandbox has no lake yet", ""]}
            else:
                # Should our parent die while a query runs without end, this process must not outlive it for long.
                last_resort = threading.Timer(limits.timeout_s + GRACE_S, os._exit, (70,))
                last_resort.daemon = True
                last_resort.start()
                try:
                    result = engine.answer(request["sql"], request["params"], request["max_rows"])
                finally:
                    last_resort.cancel()
                answer = {name: getattr(result, name) for name in result.__slots__}
            frame = pack(answer)
        except QueryError as error:
            frame = pack({"refused": [error.message, error.hint]})
        except (duckdb.Error, MemoryError, RuntimeError, ValueError, OverflowError, TypeError) as error:
            frame = pack({"failed": [type(error).__name__, str(error)]})
        answers.write(frame)
        answers.flush()


def _read(stream: BinaryIO) -> Any:
    header = stream.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        return None
    return unpack(stream.read(int.from_bytes(header, "big")))


def _binding(sent: dict[str, Any]) -> Binding:
    return Binding(
        macros=sent["macros"],
        events=Part(tuple(sent["events"]["files"]), sent["events"]["columns"]),
        ledger=Part(tuple(sent["ledger"]["files"]), sent["ledger"]["columns"]),
        prices=sent["prices"],
        profiles=sent["profiles"],
        profile_files=tuple(sent["profile_files"]),
        distances=sent["distances"],
        views={name: ViewText(v["sql"], tuple(v["reads"]), v["columns"]) for name, v in sent["views"].items()},
    )


def _bytes(limits: Limits) -> int:
    try:
        row = duckdb.execute("SELECT parse_formatted_bytes($1)", [limits.memory_limit]).fetchone()
    except duckdb.Error:
        row = None
    if row is None or int(row[0]) < LEAST_BYTES:
        raise QueryError(
            f"query.memory_limit is {limits.memory_limit!r}, which is not an amount of at least 32 MB",
            hint='write it as query.memory_limit = "1GB"',
        )
    return int(row[0])


if __name__ == "__main__":
    main()
