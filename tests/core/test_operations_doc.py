"""docs/operations.md says what the code does."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from deadreckon.core import doctor
from deadreckon.core.doctor import Severity
from deadreckon.core.maintenance import Step
from deadreckon.core.settings import MaintainSettings

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def kinds_in_the_code() -> set[str]:
    """Every first argument of a Finding."""
    found: set[str] = set()
    for path in Path(doctor.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                first = node.args[0]
                values = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
                found |= {v.value for v in values if isinstance(v, ast.Constant)}
    return found


def rows() -> dict[str, str]:
    """Kind and severity of the table of findings."""
    table = PAGE.partition("| kind | severity |")[2].partition("\n\n")[0]
    listed = {}
    for line in table.splitlines()[2:]:
        kinds, severity = line.split("|")[1:3]
        listed |= dict.fromkeys(re.findall(r"`(\w+)`", kinds), severity.strip())
    return listed


def test_every_finding_is_explained() -> None:
    """The table of findings has each kind that the doctor can name, and no other."""
    assert rows().keys() == kinds_in_the_code()
    assert set(rows().values()) == set(Severity)


@pytest.mark.parametrize("name", MaintainSettings.model_fields)
def test_every_setting_is_listed_with_its_default(name: str) -> None:
    """The table of settings is true."""
    assert f"| `{name}` | {MaintainSettings.model_fields[name].default} |" in PAGE


@pytest.mark.parametrize("step", Step)
def test_every_step_is_explained(step: Step) -> None:
    """Each has an option and a section."""
    assert f"`--{step}`" in PAGE
    assert f"### {step.capitalize()}: " in PAGE
