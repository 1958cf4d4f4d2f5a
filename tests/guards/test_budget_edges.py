"""Budgets where sums are not exact, blocks are used again, and processes fork."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import sys
import threading
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.emit import spools
from tests.emit.conftest import SpoolFolder

from deadreckon import emit


def think(cost: float) -> None:
    """Make a model call that states its cost."""
    with emit.span("think", operation="chat", model="m") as span:
        span.set(cost_usd=cost)


def test_a_sum_that_reaches_its_limit_is_within_it(spool: SpoolFolder) -> None:
    """Three times 0.1 is 0.3, whatever floating point says."""
    with emit.budget(cost_usd=0.3) as budget:
        for _ in range(3):
            think(0.1)
        assert budget.spent["cost_usd"] == 0.3
        assert budget.left == {"cost_usd": 0}


def test_a_sum_a_little_below_its_limit_has_nothing_left(spool: SpoolFolder) -> None:
    """Eight times 0.1 is 0.7999999999999999 to floating point."""
    with pytest.raises(emit.BudgetError, match="another call"), emit.budget(cost_usd=0.8):  # noqa: PT012  # which call is refused is the question
        for _ in range(9):
            think(0.1)


def test_small_amounts_count(spool: SpoolFolder) -> None:
    """A limit of less than a billionth of a dollar holds too."""
    with pytest.raises(emit.BudgetError), emit.budget(cost_usd=2e-10):
        think(3e-10)


def test_a_budget_that_is_used_again_is_not_ended_by_what_ended_it_before(spool: SpoolFolder) -> None:
    """The cancellation of a block ends with the block."""
    budget = emit.budget("again", calls=1)

    async def main() -> str:
        with pytest.raises(emit.BudgetError):  # noqa: PT012  # the block is what raises
            async with budget:
                think(0.1)
                think(0.1)
        async with budget:
            await asyncio.sleep(0.02)
            think(0.1)
        return "done"

    assert asyncio.run(main()) == "done"


@pytest.mark.parametrize("wrong", [{"tokens": -1}, {"cost_usd": float("nan")}, {"calls": "1"}, {"cost_usd": -0.1}])
def test_what_cannot_be_spent_is_refused(spool: SpoolFolder, wrong: Any) -> None:
    """A negative amount would give back, NaN would end all counting."""
    with emit.budget(cost_usd=1) as budget:
        with pytest.raises(ValueError, match=r"spend\("):
            budget.spend(**wrong)
        budget.spend(cost_usd=Decimal("0.25"))  # type: ignore[arg-type]
        assert budget.spent["cost_usd"] == 0.25


def test_a_forked_child_has_no_part_in_the_budget(tmp_path: Path) -> None:
    """Its calls are not counted, it is not stopped, it writes no event of the block; as when it is started anew."""
    code = """
import os
from deadreckon import emit

with emit.budget("parent", calls=1) as budget:
    child = os.fork()
    for _ in range(1 if child else 3):
        with emit.span("think", operation="chat", model="m"):
            pass
    if not child:
        emit.checkpoint()
        with emit.budget("child", calls=1):
            pass
if not child:
    with emit.span("after"):
        pass
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    spools.run(code, tmp_path / "spool")
    events = spools.events(tmp_path / "spool")
    assert sorted(e["name"] for e in events if e["kind"] == "contract") == ["child", "parent"]
    assert sum(e["name"] == "think" for e in events) == 4


def test_a_fork_beside_a_thread_that_spends_does_not_hang(tmp_path: Path) -> None:
    """The lock that the thread holds at the fork is held by nobody in the child."""
    code = """
import os, threading
from deadreckon import emit

stop = threading.Event()

def spend():
    while not stop.is_set():
        budget.spend(tokens=1)

with emit.budget(tokens=10**12) as budget:
    threads = [threading.Thread(target=emit.carry(spend)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        child = os.fork()
        if not child:
            with emit.span("think", operation="chat", model="m") as span:
                span.set(input_tokens=5)
            assert budget.left
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    stop.set()
    for thread in threads:
        thread.join()
"""
    spools.run(code, tmp_path / "spool")


def test_asyncio_that_is_just_being_imported_is_not_asked(spool: SpoolFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may be in the middle of its first import."""
    monkeypatch.setitem(sys.modules, "asyncio", ModuleType("asyncio"))
    with emit.budget(calls=1):
        think(0)


def test_errors_of_guards_go_to_other_processes(spool: SpoolFolder) -> None:
    """With all that they say."""
    with pytest.raises(emit.TimedOutError) as found, emit.timeout(0, "lookup"):
        emit.checkpoint()
    error = pickle.loads(pickle.dumps(found.value))
    assert (str(error), error.name, error.reason) == (str(found.value), "lookup", "0 s are over")
    assert (error.limits, error.spent.keys(), error.hint) == (
        {"seconds": 0},
        found.value.spent.keys(),
        found.value.hint,
    )


def test_tasks_of_many_loops_share_a_budget(spool: SpoolFolder) -> None:
    """While one loop's tasks begin spans, another's exhaust the budget."""

    async def work() -> None:
        while True:
            with emit.span("step"):
                await asyncio.sleep(0)
            await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))

    async def many() -> None:
        await asyncio.gather(*(asyncio.create_task(work()) for _ in range(20)), return_exceptions=True)

    errors: list[BaseException] = []

    def loop() -> None:
        try:
            asyncio.run(many())
        except BaseException as error:  # noqa: BLE001  # whatever it is
            errors.append(error)

    with pytest.raises(emit.BudgetError), emit.budget(tokens=10) as budget:  # noqa: PT012  # the block is what raises
        threads = [threading.Thread(target=emit.carry(loop)) for _ in range(3)]
        for thread in threads:
            thread.start()
        while len(spool.events("step")) < 200:
            pass
        with pytest.raises(emit.BudgetError):
            budget.spend(tokens=11)
        for thread in threads:
            thread.join()
    assert errors == []


def test_a_timeout_ends_after_a_group_of_tasks_that_failed(spool: SpoolFolder) -> None:
    """Python 3.11 leaves that task with a cancellation which it never takes back; it is not ours, and it is over."""

    async def fail() -> None:
        raise ConnectionError

    async def main() -> None:
        with contextlib.suppress(BaseExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                group.create_task(asyncio.sleep(10))
        with pytest.raises(emit.TimedOutError):
            async with emit.timeout(0.05):
                await asyncio.sleep(10)

    asyncio.run(main())
