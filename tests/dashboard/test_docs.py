"""The documentation names what is there, and nothing else."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.dashboard.running import RECKON, environment

from deadreckon.dashboard.services import links
from deadreckon.dashboard.services.period import CUSTOM, RANGES

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "dashboard.md").read_text("utf-8")


def test_every_option_is_documented(tmp_path: Path) -> None:
    """What `reckon dashboard --help` offers is in the table of options, and the other way round."""
    done = subprocess.run(
        [*RECKON, "dashboard", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=environment() | {"NO_COLOR": "1", "COLUMNS": "200"},
        cwd=tmp_path,
    )
    offered = set(re.findall(r"--[a-z][a-z-]+", done.stdout)) - {"--help"}
    table = TEXT.partition("## Starting it")[2].partition("There is no log-in")[0]
    assert set(re.findall(r"--[a-z][a-z-]+", table)) == offered


def test_every_link_is_documented() -> None:
    """The parameters that pages read, and the values of those that have a list."""
    section = TEXT.partition("## Links")[2]
    for name in (*links.IDS, "alert", "view", "range", "sort"):
        assert f"{name}=" in section
    for value in (*RANGES, CUSTOM, *links.SORTS):
        assert f"`{value}`" in section


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\(images/([\w-]+\.png)\)", TEXT))))
def test_pictures_are_there_and_small(name: str) -> None:
    """Each picture is in its place, with a text beside it, and loads quickly."""
    assert 10_000 < (DOCS / "images" / name).stat().st_size < 200_000
    assert re.search(rf"!\[[^\]]{{20,}}\]\(images/{name}\)", TEXT)
