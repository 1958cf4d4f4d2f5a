"""What a type checker sees of decorated functions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.emit.spools import ROOT


def test_the_signature_of_a_traced_function_is_kept(tmp_path: Path) -> None:
    """A type checker sees what it saw without the decorators."""
    pytest.importorskip("mypy")
    sample = tmp_path / "sample.py"
    sample.write_text(SAMPLE)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(sample)],
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT / "ingest"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line.split("note: ")[1] for line in done.stdout.splitlines() if "Revealed type" in line]
    assert [line.split('"')[1].replace("builtins.", "") for line in found] == REVEALED, done.stdout
    assert "error" not in done.stdout, done.stdout


SAMPLE = """
from collections.abc import AsyncIterator
from deadreckon import emit

@emit.trace
def plain(a: int, *, b: str = "") -> float: return 1.0

@emit.trace(operation="chat")
async def slow(a: int) -> str: return ""

@emit.trace("named")
async def stream(a: int) -> AsyncIterator[str]:
    yield ""

def job(a: int) -> str: return ""

@emit.contract(pre=lambda a: a > 0)
@emit.budget(calls=1)
@emit.timeout(5)
@emit.deadletter
@emit.idempotent("{a}")
def guarded(a: int, *, b: str = "") -> float: return 1.0

@emit.deadletter("named")
async def kept(a: int) -> str: return ""

reveal_type(plain)
reveal_type(slow)
reveal_type(stream)
reveal_type(emit.carry(job))
reveal_type(guarded)
reveal_type(kept)
"""
REVEALED = [
    "def (a: int, *, b: str =) -> float",
    "def (a: int) -> typing.Coroutine[Any, Any, str]",
    "def (a: int) -> typing.AsyncIterator[str]",
    "def (a: int) -> str",
    "def (a: int, *, b: str =) -> float",
    "def (a: int) -> typing.Coroutine[Any, Any, str]",
]
