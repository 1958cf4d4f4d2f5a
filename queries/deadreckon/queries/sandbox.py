"""SQL that others write, on the newest snapshot of a lake, under limits and read-only.

Three walls: the gate admits one query that only reads; the engine's connection is locked to the snapshot's files; the
kernel keeps its process from writing, from the network, and from more memory than it is given.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from deadreckon.core import profiles
from deadreckon.core.errors import ConfigError, DataError, QueryError
from deadreckon.core.lake import Lake, Snapshot
from deadreckon.core.settings import Settings, load
from deadreckon.queries.complaint import complaint, fell, too_long
from deadreckon.queries.connection import binding_of
from deadreckon.queries.process import Process, ProcessDied

__all__ = ["Answer", "Sandbox"]

_OPEN_S: Final = 60.0
_GRACE_S: Final = 1.0
"""How long a query may go on after its time before its process is killed: DuckDB's own stop is kinder."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave.

    Attributes:
        columns: names, in order.
        types: DuckDB's type of each column.
        rows: at most as many as the limits allow.
        truncated: whether there were more rows than are here.
        as_of: when the newest line that the answer can know of was ingested; None for an empty lake.
        elapsed_ms: how long it took, in milliseconds.
    """

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]
    truncated: bool
    as_of: datetime | None
    elapsed_ms: float


class Sandbox:
    """A place to run queries of agents, dashboards and guests: they read the views and nothing else.

    Each query sees the newest snapshot of the lake. Use it as a context manager, or call `close`. Threads may share
    it: their queries wait for each other.
    """

    def __init__(self, lake: str | Path | Lake | Settings | None = None, *, settings: Settings | None = None) -> None:
        if isinstance(lake, Settings):
            settings, lake = lake, None
        self.settings = settings or load()
        self.lake = lake if isinstance(lake, Lake) else Lake.open(lake or self.settings.lake)
        self._turn = threading.Lock()
        self._process: Process | None = None
        self._versions = (-1, -1)

    def query(self, sql: str, params: Mapping[str, Any] | None = None, *, max_rows: int | None = None) -> Answer:
        """Answer one SELECT (or SHOW, DESCRIBE, SUMMARIZE, EXPLAIN); `params` are bound as $name.

        Rows beyond `max_rows` or the limits of the settings are cut off, and the answer says `truncated`.

        Raises:
            QueryError: it was refused, is wrong, or went over a limit; the hint says what to do.
            DataError: a file of the lake cannot be read.
        """
        if max_rows is not None and max_rows < 1:
            raise QueryError(
                f"max_rows is {max_rows}, and at least 1 row is answered", hint="leave it out, or ask for more"
            )
        started = time.perf_counter()
        request = {"sql": sql, "params": dict(params or {}), "max_rows": max_rows}
        with self._turn:
            sent = self._ask(request)
            if "failed" in sent and self._behind():
                sent = self._ask(request)  # the snapshot's files may have been removed by maintenance while we looked
        if "refused" in sent:
            raise QueryError(sent["refused"][0], hint=sent["refused"][1])
        if "failed" in sent:
            kind, text = sent["failed"]
            raise self._unreadable(text) if kind == "IOException" else complaint(kind, text, sql, self.settings.query)
        return Answer(
            sent["columns"],
            sent["types"],
            [tuple(row) for row in sent["rows"]],
            sent["truncated"],
            sent["as_of"],
            (time.perf_counter() - started) * 1000,
        )

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        limits = self.settings.query
        try:
            return self._opened().ask(request, limits.timeout_s + _GRACE_S)
        except TimeoutError as error:
            self.close()
            raise too_long(limits) from error
        except ProcessDied as error:
            self.close()
            if error.signal:
                raise fell(error.signal, limits) from error
            raise
        except BaseException:
            self.close()  # an interrupt leaves half an answer in the pipe
            raise

    def _opened(self) -> Process:
        snapshot, profiled = self._newest()
        if self._process is not None and (snapshot.version, profiled.version) == self._versions:
            return self._process
        self._process = self._process or Process()
        request = {
            "binding": asdict(binding_of(snapshot, self.settings, profiled)),
            "limits": self.settings.query.model_dump(),
        }
        sent = self._process.ask(request, _OPEN_S)
        if "refused" in sent:
            raise ConfigError(sent["refused"][0], hint=sent["refused"][1])
        if "failed" in sent:
            raise self._unreadable(sent["failed"][1])
        self._versions = (snapshot.version, profiled.version)
        return self._process

    def _newest(self) -> tuple[Snapshot, Snapshot]:
        return self.lake.snapshot(), profiles.snapshot(self.lake)

    def _behind(self) -> bool:
        return tuple(s.version for s in self._newest()) != self._versions

    def _unreadable(self, text: str) -> DataError:
        first = text.partition("\n")[0]
        return DataError(
            f"the lake's files cannot be read: {first}", hint=f"reckon doctor --lake {self.lake.root} finds out why"
        )

    def close(self) -> None:
        """End the sandbox's process; a later query starts another."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
