"""The story's lake, made once by the real ingest from the committed files, and its known answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deadreckon.core.settings import Settings, load
from deadreckon.ingest import ingest
from deadreckon.queries import connect

SAMPLE_LOGS = Path(__file__).parents[2] / "sample_logs"
Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def answers() -> dict[str, Any]:
    """What the generator counted while it wrote."""
    found: dict[str, Any] = json.loads((SAMPLE_LOGS / "answers.json").read_text())
    return found


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The settings beside the logs."""
    return load(SAMPLE_LOGS / "deadreckon.toml", environ={})


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Path:
    """A lake with the story in it."""
    path = tmp_path_factory.mktemp("story") / "lake"
    ingest([SAMPLE_LOGS / "logs"], path, settings=settings)
    return path


@pytest.fixture(scope="session")
def ask(lake: Path, settings: Settings) -> Iterator[Ask]:
    """Rows of a SQL query on the story's lake; its parameters are keywords."""
    con = connect(lake, settings=settings)
    yield lambda sql, **params: con.execute(sql, params or None).fetchall()
    con.close()
