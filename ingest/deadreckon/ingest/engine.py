"""Ingest: batches of whole lines, each committed in one step with the offsets that say so.

While one batch is committed, the next are read and decoded into files. If another process commits first, what was
prepared is checked again, or thrown away when its inputs have moved: the lake is never guessed at.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
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
from deadreckon.ingest.ahead import AHEAD, ahead
from deadreckon.ingest.batches import Batch, Batcher
from deadreckon.ingest.offsets import Offsets
from deadreckon.ingest.prepare import Prepared, Rules, prepare
from deadreckon.ingest.rules import rules_for
from deadreckon.ingest.sources import Known, Source, Watcher
from deadreckon.ingest.staging import without
from deadreckon.ingest.summary import Summary
from deadreckon.ingest.write import Files, discard_uncommitted, write_ledger

SERIAL: Final = "ingest"
"""Every ingest commit advances this identifier: two ingesters cannot both win, so deduplication cannot race."""

Clock = Callable[[], datetime]
Report = Callable[[Summary], None]


ATTEMPTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Ready:
    """A batch whose rows are in files of the lake's folder, and the time that they were made at."""

    batch: Batch
    prepared: Prepared
    now: datetime
    files: Files


class MovedError(Exception):
    """Another process read our inputs meanwhile, or took our files for abandoned: what was prepared is worthless."""


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
        self._readers = [self._stack.enter_context(closing(session.reader(self._con, settings))) for _ in range(AHEAD)]
        self._pool = self._stack.enter_context(ThreadPoolExecutor(AHEAD, "ingest"))

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

        def take() -> Batch | None:
            while durable:  # said by the thread that reads: a source is used by one at a time
                done = durable.popleft()
                for source_id, source in done.sources.items():
                    source.committed(done.ranges[source_id][1])
            batch = next(batches, None)
            return None if self._halted else batch

        with closing(ahead(self._pool, take, self._prepare, lambda ready: ready.files.discard())) as prepared:
            try:
                for ready in prepared:
                    self._commit(ready)
                    durable.append(ready.batch)
            except BaseException:
                self._halted = True
                raise
        for source in sources:
            known = (self._known or {}).get(source.id)
            if known is not None:
                source.committed(known.end_offset)
            if not self._stopped():  # then more of it may have been read than was committed
                source.release()
        return batcher.unfinished

    def _prepare(self, number: int, batch: Batch) -> Ready:
        now, files = self._clock(), Files(self.lake.table_path())
        try:
            prepared = prepare(self._readers[number], batch.pieces, self._rules, now, files)
        except BaseException:
            files.discard()
            raise
        batch.pieces.clear()  # their bytes are not needed to commit
        return Ready(batch, prepared, now, files)

    def _clean(self, head: bytes) -> bytes:
        return self._rules.clean_head(head)

    def _commit(self, ready: Ready) -> None:
        try:
            self._commit_again_and_again(ready)
        except BaseException:
            discard_uncommitted(self.lake, ready.files)
            raise

    def _commit_again_and_again(self, ready: Ready) -> None:
        for attempt in range(ATTEMPTS):
            try:
                return self._try_commit(ready)
            except CommitConflictError as error:
                if not all(file.path.exists() for file in ready.prepared.written):
                    raise MovedError from error
                conflict = error
            self.summary.conflicts += 1
            time.sleep(random.uniform(0, min(0.5, 0.01 * 2 ** min(attempt, 6))))  # noqa: S311 - spreads retries, no secret
        raise CommitConflictError(
            f"{self.lake.root} is committed to faster than this batch can be", hint="run fewer ingesters at once"
        ) from conflict

    def _try_commit(self, ready: Ready) -> None:
        batch, prepared = ready.batch, ready.prepared
        table = self.lake.table()
        serial = table.transaction_version(SERIAL) or 0
        alone = serial == self._serial
        # Asking for an offset takes as long as the log is: only when others committed since ours were read.
        offsets = Offsets(table, self.lake.table_path())
        if not alone and any(offsets.of(source_id) != start for source_id, (start, _) in batch.ranges.items()):
            raise MovedError
        con, written, horizon = self._con, prepared.written, self.settings.ingest.dedupe_horizon_days
        again = ledger.repeated(con, snapshot_of(table), written, horizon) if prepared.given else []
        files = Files(self.lake.table_path())  # of this attempt alone
        try:
            kept = without(con, written, [(row.file, row.row) for row in again], files)
            rows, counts = account(con, batch, prepared, kept, again)
            write_ledger(rows, ready.now, files)
            whole = ready.files.only({file.path for file in kept} - set(files.paths))
            whole.make_durable()
            files.make_durable()
            txns = {source_id: end for source_id, (_, end) in batch.ranges.items()} | {SERIAL: serial + 1}
            commit(table, [*whole.actions, *files.actions], txns=txns, metadata={"writer": "reckon ingest"})
        except BaseException:
            discard_uncommitted(self.lake, files)
            raise
        ready.files.only(set(ready.files.paths) - set(whole.paths)).discard()
        if alone:
            self._serial = serial + 1
        for source_id, (_, end) in batch.ranges.items():
            if self._known is not None:
                self._known[source_id] = Known(end, batch.tails[source_id])
        self._counted |= batch.sources.keys()
        self.summary.sources = len(self._counted)
        self.summary.add(counts, size=batch.size)
        self._report(self.summary)
