"""What `from deadreckon import emit` brings into a process."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.emit.spools import run

DIFFERENCE = """
import json, sys
{before}
known = set(sys.modules)
from deadreckon import emit
print(json.dumps(sorted(set(sys.modules) - known)))
"""


def added(tmp_path: Path, before: str = "") -> set[str]:
    """Return the modules that importing emit adds."""
    return set(json.loads(run(DIFFERENCE.format(before=before), tmp_path / "spool")))


def test_nothing_but_the_standard_library_and_orjson_is_imported(tmp_path: Path) -> None:
    """The SDK goes into production images: no other package is touched."""
    roots = {name.partition(".")[0] for name in added(tmp_path)}
    assert roots - set(sys.stdlib_module_names) == {"deadreckon", "orjson"}


def test_of_ours_only_emit_is_imported(tmp_path: Path) -> None:
    """No room beside emit is touched, so that none of their dependencies can creep in."""
    ours = {name for name in added(tmp_path) if name.startswith("deadreckon.")}
    assert {name for name in ours if not name.startswith("deadreckon.emit")} == set()


def test_beyond_orjson_and_ctypes_only_a_handful_of_light_modules_come(tmp_path: Path) -> None:
    """Slow ones (logging, asyncio, hashlib, tempfile, importlib.metadata, traceback) wait until they are needed."""
    few = added(tmp_path, before="import orjson, dataclasses, pathlib, threading, contextvars, typing, random, ctypes")
    assert {name for name in few if not name.startswith("deadreckon")} <= {"atexit", "fcntl", "__future__", "select"}


def test_importing_writes_nothing_and_starts_no_thread(tmp_path: Path) -> None:
    """A library that imports emit costs its users nothing until it emits."""
    out = run("from deadreckon import emit; import threading; print(threading.active_count())", tmp_path / "spool")
    assert out.strip() == "1"
    assert not (tmp_path / "spool").exists()


def test_everything_in_all_exists_and_is_documented(tmp_path: Path) -> None:
    """The public interface is what `__all__` says, and each name tells what it is for."""
    code = "from deadreckon import emit; print([n for n in emit.__all__ if not getattr(emit, n).__doc__])"
    assert run(code, tmp_path / "spool").strip() == "[]"


def test_an_unknown_name_is_an_attribute_error(tmp_path: Path) -> None:
    """The lazy names do not hide a spelling mistake."""
    code = "from deadreckon import emit\ntry: emit.Hnadler\nexcept AttributeError as error: print(error)"
    assert "Hnadler" in run(code, tmp_path / "spool")
