"""Stores of other tools for the tests: fixtures unpacked, and a lake to import them into."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from deadreckon.core.settings import Settings
from deadreckon.exchange import mlflow
from deadreckon.exchange.bring import Brought, Item, bring
from deadreckon.queries import connect

FIXTURES = Path(__file__).parents[1] / "fixtures" / "imports"
SETTINGS = Settings.model_validate({"redaction": {"user_id": "keep"}})


class Imported:
    """A lake, and what an import made of it."""

    def __init__(self, lake: Path) -> None:
        self.lake = lake

    def bring(self, items: Iterable[Item], origin: str = "test") -> Brought:
        """Import these lines."""
        return bring(items, origin=origin, lake=self.lake, settings=SETTINGS)

    def mlflow(self, place: Path | str) -> Brought:
        """Import a store of MLflow."""
        with mlflow.opened(str(place)) as store:
            return self.bring(mlflow.items(store), store.origin)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query."""
        with connect(self.lake) as con:
            con.execute(query)
            names = [column[0] for column in con.description or ()]
            return [dict(zip(names, row, strict=True)) for row in con.fetchall()]

    def one(self, query: str) -> Any:
        """The one value of a query."""
        (row,) = self.rows(query)
        (value,) = row.values()
        return value


def unpacked(name: str, folder: Path) -> Path:
    """A fixture, decompressed, or made of its SQL."""
    source = FIXTURES / name
    if source.suffix == ".gz":
        path = folder / source.stem
        path.write_bytes(gzip.decompress(source.read_bytes()))
        return path
    path = folder / f"{source.stem}.db"
    con = sqlite3.connect(path)
    con.executescript(source.read_text())
    con.close()
    return path


Opened = Callable[[str], AbstractContextManager[Any]]
