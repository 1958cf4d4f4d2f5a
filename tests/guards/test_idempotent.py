"""A completed call is not made again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder
from tests.emit.spools import start
from tests.guards import jobs

from deadreckon import emit


@pytest.fixture(autouse=True)
def _calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spool: SpoolFolder) -> None:
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("DEADRECKON_STATE", str(tmp_path / "state"))
    spool.configure()


def files(tmp_path: Path) -> list[Path]:
    """What the ledger holds."""
    return sorted(path for path in (tmp_path / "state" / "calls").iterdir() if path.suffix == ".json")


def choices(spool: SpoolFolder) -> list[str]:
    """Each decision that was made."""
    return [event["choice"] for event in spool.events() if event.get("guard") == "idempotent"]


def elsewhere(spool: SpoolFolder, code: str) -> subprocess.Popen[str]:
    """Run code in a process of its own, with the same state."""
    state = os.environ["DEADRECKON_STATE"]
    return start(f"from tests.guards.jobs import *\n{code}", spool.path.with_name("elsewhere"), DEADRECKON_STATE=state)


def test_a_completed_call_is_not_made_again(spool: SpoolFolder) -> None:
    """Its result is returned; other keys are other calls; what happened is an event with the key."""
    first = jobs.pay("o-1")
    assert (jobs.pay("o-1"), jobs.pay(order="o-1", how="otherwise")) == (first, first)
    jobs.pay("o-2")
    assert jobs.calls() == ["pay o-1 well", "pay o-2 well"]
    assert choices(spool) == ["run", "reused", "reused", "run"]
    assert spool.events()[0]["idempotency_key"] == "pay:o-1"
    assert spool.events()[0]["name"] == "pay"


def test_another_process_does_not_make_it_again(spool: SpoolFolder) -> None:
    """The result is on disk before it is returned."""
    process = elsewhere(spool, "print(pay('o-1')['pid'])")
    out, err = process.communicate(timeout=60)
    assert err == ""
    assert jobs.pay("o-1")["pid"] == int(out) != os.getpid()
    assert jobs.calls() == ["pay o-1 well"]


def test_many_processes_and_threads_at_once_make_one_call(spool: SpoolFolder) -> None:
    """The others wait for the first, and get its result."""
    code = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    print({pay_['pid'] for pay_ in pool.map(lambda _: pay('o-1', seconds=0.2), range(4))})
"""
    processes = [elsewhere(spool, code) for _ in range(3)]
    said = {process.communicate(timeout=120) for process in processes}
    assert len(said) == 1
    assert said.pop()[1] == ""
    assert jobs.calls() == ["pay o-1 well"]


def test_a_process_killed_between_call_and_result_leaves_a_question(spool: SpoolFolder) -> None:
    """The call may have been made. It is not made again unasked; what was found out settles it."""
    process = elsewhere(spool, "pay('o-1', 'killed')")
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(emit.OutcomeUnknownError, match=r"pay with key 'pay:o-1' may have been made or not") as caught:
        jobs.pay("o-1")
    assert caught.value.key == "pay:o-1"
    assert "forget" in caught.value.hint
    assert jobs.calls() == ["pay o-1 killed"]
    assert choices(spool) == ["refused"]
    jobs.pay.settle({"found": True}, "o-1")  # type: ignore[attr-defined]
    assert jobs.pay("o-1") == {"found": True}
    assert jobs.pay.forget("o-1") is True  # type: ignore[attr-defined]
    assert jobs.pay.forget("o-1") is False  # type: ignore[attr-defined]
    assert jobs.pay("o-1")["order"] == "o-1"


def test_a_call_that_the_other_side_knows_by_its_key_may_be_made_again(spool: SpoolFolder) -> None:
    """`unknown="rerun"`: the key is bound, so that it can be sent along."""
    elsewhere(spool, "pay('o-1', 'killed')").communicate(timeout=60)

    @emit.idempotent("pay:{order}", name="pay", unknown="rerun")
    def pay(order: str) -> Any:
        return emit.context()["idempotency_key"]

    assert pay("o-1") == "pay:o-1"
    assert choices(spool) == ["rerun"]


def test_a_process_that_is_killed_lets_those_who_wait_go_on(spool: SpoolFolder, tmp_path: Path) -> None:
    """The lock ends with its owner, also when the owner's forked child lives on."""
    code = """
import os, time
@emit.idempotent("k", name="forks")
def forks():
    if not os.fork():
        os.closerange(1, 3)
        time.sleep(5)
        os._exit(0)
    note("forked")
    time.sleep(30)
forks()
"""
    process = elsewhere(spool, code)
    while not jobs.calls():
        time.sleep(0.01)

    @emit.idempotent("k", name="forks", wait=0)
    def forks() -> None: ...

    with pytest.raises(emit.InFlightError, match="by somebody else"):
        forks()
    process.kill()
    process.communicate(timeout=60)
    with pytest.raises(emit.OutcomeUnknownError):
        forks()


def test_a_call_that_failed_may_be_made_again(spool: SpoolFolder) -> None:
    """It was not completed."""
    with pytest.raises(ValueError, match="card refused"):
        jobs.pay("o-1", "refused")
    assert jobs.pay("o-1")["order"] == "o-1"
    assert choices(spool) == ["run", "failed", "run"]


def test_a_call_that_was_not_answered_may_have_been_made(spool: SpoolFolder) -> None:
    """Nobody knows whether it arrived."""
    with pytest.raises(TimeoutError):
        jobs.pay("o-1", "late")
    with pytest.raises(emit.OutcomeUnknownError, match="it ended with TimeoutError"):
        jobs.pay("o-1")
    assert choices(spool) == ["run", "unknown", "refused"]


def test_a_result_that_json_cannot_hold_is_returned_once(spool: SpoolFolder) -> None:
    """The call is not made again for it."""
    made = []

    @emit.idempotent("{n}", name="odd")
    def odd(n: int) -> Any:
        made.append(n)
        return {0: object(), 1: float("nan"), 2: 1 << 70, 3: "\ud800"}[n]

    for n in range(4):
        odd(n)
        with pytest.raises(emit.ResultLostError, match="JSON cannot hold it"):
            odd(n)
    assert made == [0, 1, 2, 3]


@pytest.mark.parametrize("damage", [b"", b"{", b'{"version":1}', b"\x00\xff", None])
def test_a_damaged_result_is_put_aside_and_not_guessed(spool: SpoolFolder, tmp_path: Path, damage: Any) -> None:
    """A flipped digit in the result is found too."""
    jobs.pay("o-1")
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"o-1", b"o-7") if damage is None else damage)
    with pytest.raises(emit.OutcomeUnknownError, match="is damaged"):
        jobs.pay("o-1")
    assert len(list(path.parent.glob("*.corrupt"))) == 1
    assert jobs.calls() == ["pay o-1 well"]


def test_results_expire_where_asked(spool: SpoolFolder, tmp_path: Path) -> None:
    """And a clock that is set back makes nothing expire: better once too few than twice."""
    made = []

    @emit.idempotent("k", name="cached", expires=3600)
    def cached() -> int:
        made.append(1)
        return len(made)

    assert (cached(), cached()) == (1, 1)
    (path,) = files(tmp_path)
    for shift, expected in ((+7200, 1), (-20_000, 2)):
        body = json.loads(path.read_bytes())["body"]
        body["at"] += shift
        rewrite(path, body)
        assert cached() == expected


def rewrite(path: Path, body: dict[str, Any]) -> None:
    """Write a ledger's file as the ledger does."""
    from deadreckon.emit import _store

    _store.write(path, body)


def test_on_a_full_disk_the_call_is_not_made(spool: SpoolFolder) -> None:
    """What cannot be noted cannot be promised."""
    code = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    emit.configure(enabled=False, state=os.environ["DEADRECKON_STATE"])
    pay("o-1")
except OSError as error:
    print(type(error).__name__)
"""
    process = elsewhere(spool, code)
    out, err = process.communicate(timeout=60)
    assert (out.strip(), err) == ("OSError", "")
    assert jobs.calls() == []
    assert jobs.pay("o-1")["order"] == "o-1"


def test_a_disk_that_fills_up_during_the_call_loses_the_result_and_not_the_promise(spool: SpoolFolder) -> None:
    """The caller gets the result; a later call is told that it is not known."""
    code = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
emit.configure(enabled=False, state=os.environ["DEADRECKON_STATE"])

@emit.idempotent("k", name="full")
def full():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    return "result"

print(full())
"""
    process = elsewhere(spool, code)
    assert process.communicate(timeout=60) == ("result\n", "")

    @emit.idempotent("k", name="full")
    def full() -> None: ...

    with pytest.raises(emit.OutcomeUnknownError):
        full()


def test_coroutines(spool: SpoolFolder) -> None:
    """Those that run at once make one call; a cancelled one may have made it."""
    made = []

    @emit.idempotent(lambda order: f"a:{order}")
    async def pay(order: str, seconds: float = 0.01) -> int:
        made.append(order)
        await asyncio.sleep(seconds)
        return len(made)

    async def work() -> None:
        assert await asyncio.gather(*(pay("o-1") for _ in range(5))) == [1] * 5
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await pay("o-2", 60)
        with pytest.raises(emit.OutcomeUnknownError):
            await pay("o-2")

    asyncio.run(work())
    assert made == ["o-1", "o-2"]


def test_spans_inside_carry_the_key(spool: SpoolFolder) -> None:
    """So that attempts of one effect are known as such in the lake."""

    @emit.idempotent("k")
    def call() -> None:
        with emit.span("http"):
            pass

    call()
    assert spool.events("http")[0]["idempotency_key"] == "k"


def test_nothing_is_left_but_the_results(spool: SpoolFolder, tmp_path: Path) -> None:
    """No locks, no temporary files; and nobody else may read them."""
    jobs.pay("o-1")
    jobs.pay("o-1")
    (only,) = (tmp_path / "state" / "calls").iterdir()
    assert only.stat().st_mode & 0o077 == 0


def test_what_cannot_be_guarded_is_refused() -> None:
    """When it is decorated."""

    def steps() -> Any:
        yield 1

    with pytest.raises(TypeError, match="generator"):
        emit.idempotent("k")(steps)
    with pytest.raises(ValueError, match="raise or rerun"):
        emit.idempotent("k", unknown="guess")  # type: ignore[arg-type]


def test_guards_need_no_more_than_emit_does(spool: SpoolFolder) -> None:
    """They go into production images too; and they are not loaded before they are asked for."""
    code = """
import sys
known = set(sys.modules)
from deadreckon import emit
assert not {"deadreckon.emit._budget", "deadreckon.emit._idempotent"} & set(sys.modules)
for name in emit.__all__: getattr(emit, name)
print(*sorted({m.partition(".")[0] for m in set(sys.modules) - known} - set(sys.stdlib_module_names)))
"""
    process = start(code, spool.path.with_name("elsewhere"))
    assert process.communicate(timeout=60) == ("deadreckon orjson\n", "")
