"""How far each input was read, as one version of the lake says."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from deadreckon.core.maintenance.log import Log, read_commit

FEW: Final = 16
"""Questions to the table before the log is read as a whole: each walks the log, and reading it takes about as long."""


class Offsets:
    """The offsets of one version of the table. Use one object for as long as that version is what is worked on."""

    def __init__(self, table: DeltaTable, folder: Path) -> None:
        self._table = table
        self._folder = folder
        self._asked = 0
        self._all: dict[str, int] | None = None

    def of(self, source_id: str) -> int:
        """The first byte of an input that was not read; 0 for one that is new."""
        self._asked += 1
        if self._asked == FEW:
            self._all = offsets_at(self._folder, self._table.version())
        if self._all is not None:
            return self._all.get(source_id, 0)
        return self._table.transaction_version(source_id) or 0


def offsets_at(folder: Path, version: int) -> dict[str, int] | None:
    """All offsets that a version of the table in this folder holds; None when its log does not tell them for sure.

    Entries newer than the version are left out: what they say belongs to others, who must be noticed at the commit.
    """
    log = Log.of(folder)
    start = max((v for v in log.checkpoints if v <= version), default=-1)
    found: dict[str, int] = {}
    try:
        if start >= 0:
            found.update(_of_checkpoint(log.checkpoints[start]))
        for number in range(start + 1, version + 1):
            commit = read_commit(number, log.commits[number])
            if commit.fault and not commit.partial:
                return None
            found.update({txn["appId"]: txn["version"] for txn in commit.of("txn")})
    except (OSError, KeyError, pa.ArrowInvalid):
        return None  # an entry is damaged, was cleared away meanwhile, or is of a form that only the library knows
    return found


def _of_checkpoint(path: Path) -> dict[str, int]:
    # Its other columns are large, and of no use here.
    with pq.ParquetFile(path) as file:
        txn = file.read(columns=["txn"])["txn"].combine_chunks().drop_null()
    return dict(zip(txn.field("appId").to_pylist(), txn.field("version").to_pylist(), strict=True))
