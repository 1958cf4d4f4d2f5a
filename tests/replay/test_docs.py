"""docs/replay.md says what there is."""

from __future__ import annotations

import inspect
import typing

import typer.models
from tests.replay.conftest import ROOT

from deadreckon.cli.replay import command

GUIDE = (ROOT / "docs" / "replay.md").read_text()


def test_the_guide_names_every_option() -> None:
    """But for those that every command has."""
    hints = typing.get_type_hints(command, include_extras=True)
    for name in inspect.signature(command).parameters:
        (info,) = hints[name].__metadata__
        if isinstance(info, typer.models.OptionInfo) and name not in ("lake", "config", "format_"):
            words = (info.default, *(info.param_decls or ()))  # typer moves the first word later
            assert any(isinstance(word, str) and word in GUIDE for word in words), name


def test_the_python_example_compiles() -> None:
    """It names a module of the reader's own, so it is not run here; test_api.py does the same on the desk."""
    compile(GUIDE.partition("```python\n")[2].partition("```")[0], "docs/replay.md", "exec")
