"""Ingest: batches of whole lines, each committed in one step with the offsets that say so.

While one batch is written and committed, the next is read and decoded. If another process commits first, what was
prepared is checked again, or thrown away when its inputs have moved: the lake is never guessed at.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import duckdb
from deltalake import DeltaTable

from deadreckon.core.errors import CommitConflictError, LakeError
from deadreckon.core.lake import Lake, commit, snapshot_of
from deadreckon.core.settings import Settings
from deadreckon.ingest import ledger, session
from deadreckon.ingest.accounts import account
from deadreckon.ingest.batches import Batch, Batcher
from deadreckon.ingest.offsets import Offsets
from deadreckon.ingest.prepare import Prepared, Rules, prepare
from deadreckon.ingest.rules import rules_for
from deadreckon.ingest.sources import Known, Source, Watcher
from deadreckon.ingest.summary import Summary
from deadreckon.ingest.write import Files, discard_uncommitted, write_events, write_ledger

SERIAL: Final = "ingest"
"""Every ingest commit advances this identifier: two ingesters cannot both win, so deduplication cannot race."""

Clock = Callable[[], datetime]
Report = Callable[[Summary], None]


class MovedError(Exception):
    """Another process read our inputs meanwhile: what was prepared is worthless."""


class Ingester:
    """Reads inputs into one lake. Use as a context manager; `run` reads what is there, `follow` goes on."""

    def __init__(
        self,
        lake: Lake,
        settings: Settings,
        *,
        clock: Clock = lambda: datetime.now(UTC),
        warn: Callable[[str], None] = lambda _: None,
        report: Report = lambda _: None,
    ) -> None:
        self.lake = lake
        self.settings = settings
        self.summary = Summary()
        self._clock = clock
        self._warn = warn
        self._report = report
        self._rules: Rules = rules_for(settings)
        self._known: dict[str, Known] | None = None
        self._serial = 0
        self._problems: set[str] = set()
        self._counted: set[str] = set()
        self._stop: Callable[[], bool] = lambda: False
        self._final = self._halted = False
        self._stack = ExitStack()
        self._con = self._stack.enter_context(session.connect(settings))
        self._reader = self._stack.enter_context(session.another(self._con, settings))
        self._pool = self._stack.enter_context(ThreadPoolExecutor(1, "ingest"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, paths: Sequence[str | Path], stop: Callable[[], bool] = lambda: False) -> Summary:
        """Read everything that these inputs hold now; pipes to their ends. `stop` ends it sooner, as in `follow`.

        Raises:
            SourceError: an input that was named is not there.
            LakeError: the lake cannot be written; nothing is half committed.
        """
        self._stop = stop
        self.look(self._watcher(paths, final=True))
        return self.summary

    def follow(self, paths: Sequence[str | Path], stop: Callable[[], bool]) -> Summary:
        """Read what is there, and what comes, until `stop` says so: it is asked between batches, too.

        When all inputs are pipes, it ends as they have ended.
        """
        self._stop = stop
        watcher = self._watcher(paths, final=False)
        while not stop():
            unfinished = self.look(watcher)
            if watcher.over:
                break
            until = time.monotonic() + (0.0 if unfinished else self.settings.ingest.follow_interval_s)
            while time.monotonic() < until and not stop():
                time.sleep(min(0.1, max(0.0, until - time.monotonic())))
        return self.summary

    def _watcher(self, paths: Sequence[str | Path], *, final: bool) -> Watcher:
        self._final = final
        limit = self.settings.ingest.max_line_bytes
        return Watcher(paths, max_line_bytes=limit, warn=self._warn, final=final, stopped=self._stopped)

    def _stopped(self) -> bool:
        return self._halted or self._stop()

    def look(self, watcher: Watcher) -> bool:
        """One look at the inputs: commit all that is new, again from the start when others moved them.

        Returns whether a pipe still has something to give.
        """
        started = time.monotonic()
        while True:
            table = self.lake.table()
            sources = watcher.discover(self._known_sources(table))
            try:
                unfinished = self._commit_all(sources, table)
            except MovedError:
                self._known = None
                self.summary.conflicts += 1
                continue
            except duckdb.OutOfMemoryException as error:
                raise LakeError(
                    f"a batch does not fit into the memory that decoding may use ({session.MEMORY})",
                    hint="nothing of it was committed: set ingest.batch_bytes lower in deadreckon.toml and try again",
                ) from error
            finally:
                for source in sources:
                    source.close()
            break
        self.summary.seconds += time.monotonic() - started
        self._report(self.summary)
        return unfinished

    def _known_sources(self, table: DeltaTable) -> Mapping[str, Known]:
        """What this version of the lake knows: read again when others committed, as an id may be another's by now."""
        serial = table.transaction_version(SERIAL) or 0
        if self._known is None or serial != self._serial:
            snapshot = snapshot_of(table)
            self._known = ledger.known_sources(self._con, snapshot)
            self._problems = ledger.known_problems(self._con, snapshot)
            self._serial = serial
        return self._known

    def _commit_all(self, sources: Sequence[Source], table: DeltaTable) -> bool:
        self._halted = False
        batcher = Batcher(
            self.lake,
            self.settings.ingest,
            table,
            self._known or {},
            self._problems,
            self._clean,
            self._stopped,
            self._final,
        )
        batches = batcher.batches(sources)
        durable = deque[Batch]()

        def ahead(slot: int) -> tuple[Batch, Prepared, datetime] | None:
            while durable:  # said by the thread that reads: a source is used by one at a time
                done = durable.popleft()
                for source_id, source in done.sources.items():
                    source.committed(done.ranges[source_id][1])
            batch = next(batches, None)
            if batch is None or self._halted:
                return None
            now = self._clock()
            prepared = prepare(self._reader, batch.pieces, f"batch{slot}", self._rules, now)
            batch.pieces.clear()  # their bytes are not needed to commit
            return batch, prepared, now

        slot = 0
        waiting = self._pool.submit(ahead, slot)
        try:
            while (ready := waiting.result()) is not None:
                slot = 1 - slot
                waiting = self._pool.submit(ahead, slot)
                self._commit(*ready)
                durable.append(ready[0])
        except BaseException:
            self._halted = True
            if not waiting.cancel():
                waiting.exception()  # the reader must be still before anyone starts again
            raise
        for source in sources:
            known = (self._known or {}).get(source.id)
            if known is not None:
                source.committed(known.end_offset)
            if not self._stopped():  # then more of it may have been read than was committed
                source.release()
        return batcher.unfinished

    def _clean(self, head: bytes) -> bytes:
        return self._rules.clean_head(head)

    def _commit(self, batch: Batch, prepared: Prepared, now: datetime) -> None:
        for attempt in range(1000):
            try:
                self._try_commit(batch, prepared, now)
            except CommitConflictError:
                self.summary.conflicts += 1
                time.sleep(random.uniform(0, min(0.5, 0.01 * 2 ** min(attempt, 6))))  # noqa: S311 - spreads retries, no secret
            else:
                return
        raise CommitConflictError(
            f"{self.lake.root} is committed to faster than this batch can be", hint="run fewer ingesters at once"
        )

    def _try_commit(self, batch: Batch, prepared: Prepared, now: datetime) -> None:
        table = self.lake.table()
        serial = table.transaction_version(SERIAL) or 0
        alone = serial == self._serial
        # Asking for an offset takes as long as the log is: only when others committed since ours were read.
        offsets = Offsets(table, self.lake.table_path())
        if not alone and any(offsets.of(source_id) != start for source_id, (start, _) in batch.ranges.items()):
            raise MovedError
        con, files = self._con, Files(self.lake.table_path())
        again = ledger.repeated(con, snapshot_of(table), prepared.relation, self.settings.ingest.dedupe_horizon_days)
        chosen = f"{prepared.relation}_new"
        con.execute("CREATE OR REPLACE TEMP TABLE dropped AS SELECT unnest($n::BIGINT[]) AS n", {"n": again})
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW {chosen} AS SELECT *, TIMESTAMPTZ '{now.isoformat()}' AS ingested_at "
            f"FROM {prepared.relation}" + (" WHERE n NOT IN (SELECT n FROM dropped)" if again else "")
        )
        rows, counts = account(con, batch, prepared, chosen, again)
        write_events(con, chosen, (*prepared.columns, "source_id", "source_offset", "ingested_at"), files)
        write_ledger(rows, now, files)
        try:
            files.make_durable()
            txns = {source_id: end for source_id, (_, end) in batch.ranges.items()} | {SERIAL: serial + 1}
            commit(table, files.actions, txns=txns, metadata={"writer": "reckon ingest"})
        except BaseException:
            discard_uncommitted(self.lake, files)
            raise
        if alone:
            self._serial = serial + 1
        for source_id, (_, end) in batch.ranges.items():
            if self._known is not None:
                self._known[source_id] = Known(end, batch.tails[source_id])
        self._counted |= batch.sources.keys()
        self.summary.sources = len(self._counted)
        self.summary.add(counts, size=batch.size)
        self._report(self.summary)
