"""Answers are kept until the lake changes, and never longer."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.dashboard.lakes import add, call, span

from deadreckon.core.errors import DamagedLakeError, LakeNotFoundError, QueryError
from deadreckon.core.settings import Settings
from deadreckon.dashboard.services.freshness import extent_of
from deadreckon.dashboard.services.source import KEPT_SOURCES, Source, close_all, opened

Make = Callable[..., Source]


def test_an_answer_is_kept(source: Make) -> None:
    """The same question of the same version is answered with the very same answer, other parameters with another."""
    asked = source(span("t", "s", 0))
    first = asked.ask("find_id", id="t")
    assert asked.ask("find_id", id="t") is first
    assert asked.ask("find_id", id="u") is not first


def test_a_new_version_is_asked_anew(source: Make) -> None:
    """After an ingest and a refresh the answer is the new one; without new events it stays."""
    asked = source(span("t", "s", 0))
    version, before = asked.version, asked.ask("extent")
    asked.refresh()
    assert asked.ask("extent") is before
    add(asked.lake.root, [span("u", "s", 1)])
    assert asked.refresh() > version
    assert extent_of(asked).events == 2


def test_another_lake_at_the_same_place(source: Make) -> None:
    """A lake that was thrown away and made again has the same versions, and nothing else in common."""
    asked = source(span("t", "s", 0))
    assert extent_of(asked).events == 1
    shutil.rmtree(asked.lake.root)
    add(asked.lake.root, [span("u", "s", 0), span("v", "s", 0)])
    asked.refresh()
    assert extent_of(asked).events == 2


def test_a_lake_that_is_gone(source: Make) -> None:
    """A lake that disappears while the dashboard runs is said to be gone."""
    asked = source(span("t", "s", 0))
    shutil.rmtree(asked.lake.root)
    with pytest.raises(LakeNotFoundError):
        asked.refresh()


def test_a_lake_that_breaks(source: Make) -> None:
    """A lake that is damaged while the dashboard runs is said to be so."""
    asked = source(span("t", "s", 0))
    for entry in (asked.lake.root / "events" / "_delta_log").glob("*.json"):
        entry.write_text("{")
    with pytest.raises(DamagedLakeError):
        asked.refresh()


def test_people_only_read(source: Make) -> None:
    """What people ask goes through the sandbox's gate."""
    asked = source(span("t", "s", 0))
    assert asked.ask_freely("SELECT count(*) FROM events").rows == [(1,)]
    with pytest.raises(QueryError, match="refused"):
        asked.ask_freely("COPY events TO '/tmp/x'")


def test_sources_are_shared_and_few(tmp_path: Path) -> None:
    """The same settings share a source; of ever new settings only the last few stay open."""
    settings = [Settings(lake=str(add(tmp_path / f"lake{i}", [call("t", "s", 0)]))) for i in range(KEPT_SOURCES + 1)]
    sources = [opened(one) for one in settings]
    assert opened(settings[-1]) is sources[-1]
    assert opened(settings[0]) is not sources[0]
    close_all()


def test_services_know_no_streamlit() -> None:
    """The services and what they need are imported without Streamlit, pandas or a chart library."""
    code = """
import importlib, pkgutil, sys
import deadreckon.dashboard.services as services
for module in pkgutil.iter_modules(services.__path__):
    importlib.import_module(f"deadreckon.dashboard.services.{module.name}")
print(sorted(m for m in ("streamlit", "altair", "pandas") if m in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.strip() == "[]"
