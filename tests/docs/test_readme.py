"""The README says what is true: its code runs, its commands exist, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deadreckon.cli.app import COMMANDS
from deadreckon.core.settings import Settings
from deadreckon.ingest import ingest
from deadreckon.monitor.rules import load_rules

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of this language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_python_blocks_run_one_after_the_other(tmp_path: Path) -> None:
    """What is emitted by the first block is asked for by the second."""
    write, ask = blocks("python")
    subprocess.run([sys.executable, "-c", write], cwd=tmp_path, check=True)
    ingest([tmp_path / "spool"], tmp_path / "lake")
    done = subprocess.run([sys.executable, "-c", ask], cwd=tmp_path, check=True, capture_output=True, text=True)

    assert done.stderr == ""


def test_every_command_exists() -> None:
    """Each `reckon NAME` of the README is a command."""
    named = set(re.findall(r"\breckon ([a-z]+)", README))

    assert named
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(((?!http)[^)#]+)\)", README))))
def test_every_link_leads_somewhere(target: str) -> None:
    """Each relative link names a file or folder of the project."""
    assert (ROOT / target).exists()


def test_the_rule_is_a_rule() -> None:
    """The TOML block is accepted as it stands."""
    (text,) = [block for block in blocks("toml") if "[[rules]]" in block]
    settings = Settings.model_validate(tomllib.loads(text))

    assert [rule.name for rule in load_rules(settings.rules)] == ["tool failing"]


def test_the_lines_of_each_framework_are_those_that_its_sender_runs() -> None:
    """As docs/frameworks.md has them, whose code tests/senders run: at most five lines, from its own section."""
    page = (ROOT / "docs" / "frameworks.md").read_text()
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE))
    rows = re.findall(r"^\| \[(.+?)\]\(docs/frameworks\.md#(.+?)\) \| (.*?) \| (.*?) \|$", README, re.MULTILINE)

    assert {name for name, *_ in rows} == sections.keys() - {"Setting OpenTelemetry up"}
    for name, anchor, installed, lines in rows:
        assert anchor == re.sub(r"[^a-z0-9 -]", "", name.lower()).replace(" ", "-")
        code = re.findall(r"```\w+\n(.*?)```", sections[name], re.DOTALL)[0]
        assert re.findall(r"`(.+?)`", lines) == [line for line in code.splitlines() if line]
        assert all(one in sections[name] for one in re.findall(r"`(.+?)`", installed))


def test_targets_of_make_exist() -> None:
    """Each `make NAME` of README and CONTRIBUTING is a target."""
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"^ {4}make ([a-z-]+)", README + (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE))

    assert named
    assert named <= made
