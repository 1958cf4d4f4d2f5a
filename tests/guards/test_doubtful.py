"""Calls of which nobody can say whether they were made, and keys that must not be confused."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder
from tests.emit.spools import ROOT

from deadreckon import emit


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, spool: SpoolFolder) -> None:
    spool.configure(state=tmp_path / "state")


def timed_out() -> Exception:
    """Return what a library makes of a time-out by `raise ... from`."""
    error = ConnectionError("payment failed")
    error.__cause__ = TimeoutError("no answer")
    return error


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(0),  # a handler of SIGTERM raises it wherever the program is
        SystemExit(1),
        KeyboardInterrupt(),
        ExceptionGroup("tasks", [ValueError("no"), TimeoutError("no answer")]),
        BaseExceptionGroup("tasks", [KeyboardInterrupt()]),
        timed_out(),
    ],
    ids=repr,
)
def test_a_call_that_was_interrupted_may_have_been_made(spool: SpoolFolder, error: BaseException) -> None:
    """However the interruption is wrapped."""
    made = []

    @emit.idempotent("k", name="call")
    def call() -> None:
        made.append(1)
        raise error

    with pytest.raises(type(error)):
        call()
    with pytest.raises(emit.OutcomeUnknownError):
        call()
    assert made == [1]


def test_what_is_damaged_stays_unknown(spool: SpoolFolder, tmp_path: Path) -> None:
    """A retry does not make the call because the file was put aside."""
    made = []

    @emit.idempotent("k", name="call")
    def call() -> int:
        made.append(1)
        return len(made)

    call()
    (path,) = (tmp_path / "state" / "calls").glob("*.json")
    path.write_bytes(b"{")
    for _ in range(3):
        with pytest.raises(emit.OutcomeUnknownError, match="is damaged"):
            call()
    assert made == [1]
    assert [one.read_bytes() for one in path.parent.glob("*.corrupt")] == [b"{"]
    call.settle(7)  # type: ignore[attr-defined]
    assert call() == 7


def test_long_keys_that_differ_at_the_end_are_two(spool: SpoolFolder) -> None:
    """Also where the key is an object whose text is long."""

    @emit.idempotent(lambda messages: messages, name="ask")
    def ask(messages: list[str]) -> str:
        return messages[-1]

    assert [ask(["x" * 50_000, "one"]), ask(["x" * 50_000, "two"])] == ["one", "two"]


def test_keys_of_every_kind(spool: SpoolFolder) -> None:
    """Text that is no UTF-8, nothing at all, and objects that cannot say what they are."""

    class Broken:
        def __str__(self) -> str:
            raise ValueError("no text")

    made: list[Any] = []

    @emit.idempotent("{key}", name="keys")
    def call(key: Any) -> int:
        made.append(key)
        return len(made)

    keys = ["", "\ud800", "\\ud800", "a\0b", "../../x", None, 2**80, "é" * 9000]
    assert [call(key) for key in keys] == [*range(1, 9)]
    assert [call(key) for key in keys] == [*range(1, 9)]
    with pytest.raises(ValueError, match="no text"):
        call(Broken())


def test_a_template_that_asks_for_what_is_not_there_is_refused_at_once() -> None:
    """And not when the first call is made."""

    def call(order: str) -> None: ...

    for wrong in ("pay:{oder}", "pay:{}", "pay:{0}", "pay:{order", lambda oder: oder):
        with pytest.raises(TypeError, match=r"call|no template"):
            emit.idempotent(wrong)(call)
    emit.idempotent("pay:{order!r:>9}")(call)
    for more in ({"expires": "1h"}, {"expires": -1}, {"wait": "long"}, {"expires": float("nan")}):
        with pytest.raises(ValueError, match="number"):
            emit.idempotent("k", **more)  # type: ignore[arg-type]


SCRIPT = """
import multiprocessing, os, sys
from deadreckon import emit

@emit.idempotent("k")
def call():
    return os.getpid()

if __name__ == "__main__":
    first = call()
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        print(first == pool.apply(call))
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_know_the_function_of_the_script_that_started_them(tmp_path: Path, method: str) -> None:
    """Though its module has another name there."""
    script = tmp_path / "paying.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), method],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "ingest"), "DEADRECKON_STATE": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n"
    (path,) = (tmp_path / "state" / "calls").glob("*.json")
    assert json.loads(path.read_bytes())["body"]["name"] == "paying.call"


def test_two_scripts_do_not_share_their_calls(tmp_path: Path) -> None:
    """A function of the same name in another script is another function."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(
            f"from deadreckon import emit\n@emit.idempotent('k')\ndef call():\n    return {name!r}\nprint(call())"
        )
        done = subprocess.run(
            [sys.executable, f"{name}.py"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "ingest"), "DEADRECKON_STATE": str(tmp_path / "state")},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"{name}\n"


def test_a_forked_child_leaves_the_call_to_its_parent(spool: SpoolFolder, tmp_path: Path) -> None:
    """However the child leaves the block: what is known of the call stays as the parent noted it."""

    @emit.idempotent("k", name="forks")
    def call() -> str:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            (path,) = (tmp_path / "state" / "calls").glob("*.json")
            return str(json.loads(path.read_bytes())["body"]["state"])
        return "child"

    for leave in ("return", "raise"):
        pid = os.getpid()
        try:
            result = call()
            if leave == "raise" and os.getpid() != pid:
                raise SystemExit(0)
        finally:
            if os.getpid() != pid:
                os._exit(0)
        assert result == "started"


def test_a_lock_file_that_cannot_be_removed_keeps_no_result_back(
    spool: SpoolFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that has become read-only during the call."""

    @emit.idempotent("k", name="call", wait=0)
    def call() -> str:
        monkeypatch.setattr(Path, "unlink", _read_only)
        monkeypatch.setattr(Path, "rename", _read_only)
        return "done"

    assert call() == "done"
    monkeypatch.undo()
    with pytest.raises(emit.OutcomeUnknownError):  # and not in flight for ever
        call()


def _read_only(path: Path, *_: Any, **__: Any) -> None:
    raise OSError(30, "Read-only file system", str(path))


def test_nobody_forgets_or_settles_what_is_being_made(spool: SpoolFolder) -> None:
    """The call that runs would overwrite it, or be made a second time beside it."""

    @emit.idempotent("k", name="call")
    def call() -> str:
        for change in (call.forget, lambda: call.settle("other")):
            with pytest.raises(emit.InFlightError):
                change()
        return "done"

    assert (call(), call()) == ("done", "done")


def test_an_interrupt_between_the_lock_and_the_call_gives_the_lock_back(spool: SpoolFolder) -> None:
    """When the entry is thrown away, so is its lock."""
    from deadreckon.emit._ledger import Ledger

    entry = Ledger("call", None, 0.0, "raise").entry("k")
    assert entry.take()
    assert not Ledger("call", None, 0.0, "raise").entry("k").take()
    del entry
    gc.collect()
    assert Ledger("call", None, 0.0, "raise").entry("k").take()


def test_an_object_whose_call_is_a_coroutine_is_awaited(spool: SpoolFolder) -> None:
    """By all guards of calls."""

    class Remote:
        calls = 0

        async def __call__(self) -> str:
            await asyncio.sleep(0)
            self.calls += 1
            return "done"

    remote = Remote()
    guarded = emit.idempotent("k", name="remote")(remote)
    assert [asyncio.run(guarded()), asyncio.run(guarded())] == ["done", "done"]
    assert remote.calls == 1
    with pytest.raises(emit.BudgetError):
        asyncio.run(emit.timeout(0)(Remote())())
