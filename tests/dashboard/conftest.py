"""The demo's lake, made once by the demo itself, and pages run as Streamlit runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from tests.dashboard.lakes import add, source_of

from deadreckon.cli.demo_run import play, story_files
from deadreckon.core.settings import Settings, load
from deadreckon.dashboard.services.source import Source, close_all

APP = Path(__file__).parents[2] / "dashboard" / "deadreckon" / "dashboard" / "app.py"

Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with the demo's three weeks, and what the monitor said of them."""
    place = tmp_path_factory.mktemp("demo") / "lake"
    play(place, lambda _: None)
    return place


@pytest.fixture(scope="session")
def demo_settings(demo: Path) -> Settings:
    """The settings of the demo, for its lake."""
    return load(story_files(demo)[1], overrides={"lake": str(demo)}, environ={})


@pytest.fixture(scope="session")
def story(demo_settings: Settings) -> Iterator[Source]:
    """A source on the demo's lake."""
    source = Source(demo_settings)
    source.refresh()
    yield source
    source.close()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Callable[..., Source]]:
    """Make a lake of these lines, and a source on it."""
    made: list[Source] = []

    def make(*lines: object, **more: object) -> Source:
        made.append(source_of(add(tmp_path / "lake", lines, **more)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Open:
    """Open a page of the dashboard for a lake: `page("traces", lake, trace="...")`."""
    for name in ("CONFIG", "LAKE", "STALE_AFTER_S"):
        monkeypatch.delenv(f"DEADRECKON_{name}", raising=False)
    monkeypatch.chdir(tmp_path)

    def open_page(name: str, lake: Path | str, **params: str) -> AppTest:
        monkeypatch.setenv("DEADRECKON_LAKE", str(lake))
        app = AppTest.from_file(str(APP), default_timeout=120)
        if name != "overview":
            app.switch_page(f"page/{name}.py")
        for key, value in params.items():
            app.query_params[key.rstrip("_")] = value
        return app.run()

    return open_page


@pytest.fixture(scope="session", autouse=True)
def _closed() -> Iterator[None]:
    """End the processes that pages started."""
    yield
    close_all()
