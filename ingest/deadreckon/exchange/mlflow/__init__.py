"""MLflow: its SQLite store and its tracking server, both read into the same few shapes, which become events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deadreckon.core.errors import SourceError
from deadreckon.exchange.mlflow.items import items
from deadreckon.exchange.mlflow.kept import Store

__all__ = ["items", "opened"]


@contextmanager
def opened(place: str) -> Iterator[Store]:
    """A store of MLflow, by the path of its SQLite file, by sqlite:///PATH, or by its server's URL.

    Raises:
        SourceError: it is not there, or something else is.
    """
    if place.startswith(("http://", "https://")):
        from deadreckon.exchange.http import Server, mlflow_headers
        from deadreckon.exchange.mlflow.server import ServerStore

        yield ServerStore(Server(place, "MLflow's tracking server", mlflow_headers()))
        return
    if "://" in place and not place.startswith("sqlite:///"):
        raise SourceError(
            f"{place.partition('://')[0]}:// is none of sqlite:///, http:// and https://",
            hint="ask the server: mlflow server --backend-store-uri ..., then reckon import mlflow http://localhost:5000",
        )
    path = Path(place.removeprefix("sqlite:///")).expanduser()
    if path.is_dir():
        raise SourceError(
            f"{path} is a folder, and an import reads MLflow's SQLite file or asks its server",
            hint=f"mlflow server --backend-store-uri {path}, then reckon import mlflow http://localhost:5000",
        )
    from deadreckon.exchange.mlflow.store import SqliteStore
    from deadreckon.exchange.sqlite import Database

    with Database(path, "MLflow") as db:
        yield SqliteStore(db)
