"""A block may use so much and no more."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder

from deadreckon import emit


def chat(tokens: int = 0, cost: float | None = None, name: str = "call") -> None:
    """A model call that states what it used."""
    with emit.span(name, operation="chat") as span:
        span.set(input_tokens=tokens)
        if cost is not None:
            span.set(cost_usd=cost)


def written(spool: SpoolFolder, name: str = "b") -> dict[str, Any]:
    """The event of a budget."""
    (event,) = [e for e in spool.events() if e["kind"] == "contract" and e["name"] == name]
    return event


def test_what_stays_within_is_recorded(spool: SpoolFolder) -> None:
    """With what was spent of which limit, and how many calls stated no cost."""
    with emit.budget("b", tokens=100, calls=5) as budget:
        chat(30, 0.5)
        chat(20)
        assert budget.left == {"tokens": 50, "calls": 3}
    event = written(spool)
    assert (event["label"], event["passed"], event["level"]) == ("budget", True, "info")
    assert (event["spent_tokens"], event["limit_tokens"], event["spent_calls"]) == (50, 100, 2)
    assert (event["spent_cost_usd"], event["unpriced_calls"]) == (0.5, 1)
    assert "action" not in event


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"tokens": 100}, "150 of 100 tokens"),
        ({"cost_usd": 1.0}, "1.5 of 1 US dollars"),
        ({"seconds": 0}, "0 s are over"),
        ({"calls": 0}, "0 of 0 calls, and another call"),
    ],
)
def test_each_limit_stops_the_block_with_one_error(spool: SpoolFolder, limits: Any, reason: str) -> None:
    """That says which budget, what of it, and how much was spent."""
    with (
        pytest.raises(emit.BudgetError, match=f"budget b is exhausted: {reason}") as caught,
        emit.budget("b", **limits),
    ):
        chat(150, 1.5)
    assert caught.value.reason == reason
    assert caught.value.limits == limits
    assert caught.value.hint
    event = written(spool)
    assert (event["passed"], event["action"], event["reason"]) == (False, "stopped", reason)


def test_the_next_call_is_refused_before_it_is_made(spool: SpoolFolder) -> None:
    """Money that is spent is spent; more is not."""
    made = 0
    with pytest.raises(emit.BudgetError, match="another call"), emit.budget("b", cost_usd=1.0):  # noqa: PT012  # the block is what is guarded
        while True:
            with emit.span("call", operation="chat") as span:
                made += 1
                span.set(cost_usd=0.25)
    assert made == 4
    assert len(spool.events("call")) == 4


def test_totals_that_are_stated_again_further_up_are_counted_once(spool: SpoolFolder) -> None:
    """An agent's span may repeat what its calls used, and a framework's span wraps its client's."""
    with emit.budget("b", tokens=1000) as budget:
        with emit.span("agent", agent="a") as agent:
            with emit.span("framework", operation="chat") as outer:
                chat(40)
                outer.set(input_tokens=40)
            chat(2)
            agent.set(input_tokens=50)  # it knows of 8 that no call stated
        assert (budget.spent["tokens"], budget.spent["calls"]) == (50, 2)


def test_budgets_nest_and_the_outer_one_counts_everything(spool: SpoolFolder) -> None:
    """The error says which one is exhausted; the inner one held."""
    with pytest.raises(emit.BudgetError, match="budget outer") as caught, emit.budget("outer", tokens=100) as outer:  # noqa: PT012  # the block is what is guarded
        for _ in range(3):
            with emit.budget("inner", tokens=50):
                chat(40)
    assert caught.value.name == "outer"
    assert outer.spent["tokens"] == 120
    assert [e["passed"] for e in spool.events() if e.get("name") == "inner"] == [True, True, True]


def test_an_inner_budget_can_be_survived(spool: SpoolFolder) -> None:
    """Its error is caught like any other, and the outer block goes on."""
    with emit.budget("outer", tokens=100) as outer:
        with pytest.raises(emit.BudgetError, match="inner"), emit.budget("inner", tokens=10):
            chat(20)
        chat(20)
    assert outer.spent["tokens"] == 40


def test_what_no_span_states_is_spent_by_hand(spool: SpoolFolder) -> None:
    """And stops at once."""
    with pytest.raises(emit.BudgetError, match="12 of 10 tokens"), emit.budget("b", tokens=10) as budget:  # noqa: PT012  # the block is what is guarded
        budget.spend(tokens=6)
        budget.spend(tokens=6)
        raise AssertionError("not reached")


def test_threads_share_a_budget_exactly(spool: SpoolFolder) -> None:
    """No call is lost or counted twice, and none is made beyond the limit."""
    made = []

    def work(_: int) -> bool:
        try:
            chat(1)
        except emit.BudgetError:
            return False
        made.append(1)
        return True

    pool = concurrent.futures.ThreadPoolExecutor(8)
    with pool, pytest.raises(emit.BudgetError), emit.budget("b", calls=100) as budget:  # noqa: PT012  # the block is what is guarded
        done = list(pool.map(emit.carry(work), range(300)))
        assert (sum(done), len(made)) == (100, 100)
    assert (budget.spent["calls"], budget.spent["tokens"]) == (100, 100)


def test_a_loop_without_spans_asks(spool: SpoolFolder) -> None:
    """Another thread has used everything up: a checkpoint stops this one."""
    used_up = threading.Event()

    def spend() -> None:
        with pytest.raises(emit.BudgetError):
            budget.spend(tokens=11)
        used_up.set()

    def loop() -> None:
        thread = threading.Thread(target=emit.carry(spend))
        thread.start()
        while True:
            emit.checkpoint()
            time.sleep(0.001)

    with pytest.raises(emit.BudgetError, match="11 of 10"), emit.budget("b", tokens=10) as budget:
        loop()
    assert used_up.wait(5)
    emit.checkpoint()  # outside of budgets it does nothing


def test_an_exhausted_budget_cancels_what_still_runs(spool: SpoolFolder) -> None:
    """Tasks that wait for something else are cancelled, inside whatever they await; the block's own error is one."""
    ended = []

    async def patient(n: int) -> None:
        try:
            with emit.span("patient"):
                await asyncio.sleep(60)
        finally:
            ended.append(n)

    async def costly() -> None:
        await asyncio.sleep(0.01)
        chat(500)
        await asyncio.sleep(60)

    async def work() -> None:
        async with emit.budget("b", tokens=100):
            await asyncio.gather(*(patient(n) for n in range(3)), costly())

    with pytest.raises(emit.BudgetError, match="500 of 100 tokens"):
        asyncio.run(work())
    assert sorted(ended) == [0, 1, 2]
    assert {e["status"] for e in spool.events("patient")} == {"cancelled"}
    assert written(spool)["action"] == "cancelled"


def test_tasks_that_nobody_awaits_are_cancelled_too(spool: SpoolFolder) -> None:
    """As soon as a span of theirs made them known."""

    async def patient() -> None:
        with emit.span("patient"):
            await asyncio.sleep(60)

    async def work() -> bool:
        task = None
        with pytest.raises(emit.BudgetError):  # noqa: PT012  # the block is what is guarded
            async with emit.budget("b", tokens=100) as budget:
                task = asyncio.create_task(patient())
                await asyncio.sleep(0.01)
                budget.spend(tokens=200)
        assert task is not None
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert asyncio.run(work())


def test_seconds_end_a_coroutine_that_waits(spool: SpoolFolder) -> None:
    """And the task is not cancelled afterwards."""

    async def work() -> str:
        with pytest.raises(emit.BudgetError, match=r"0\.02 s are over"):
            async with emit.budget("b", seconds=0.02):
                await asyncio.sleep(60)
        await asyncio.sleep(0.01)
        return "went on"

    assert asyncio.run(work()) == "went on"


def test_a_cancellation_from_outside_stays_one(spool: SpoolFolder) -> None:
    """It is not ours to turn into an error."""

    async def inside() -> None:
        async with emit.budget("b", tokens=10):
            await asyncio.sleep(60)

    async def work() -> None:
        task = asyncio.create_task(inside())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())
    assert written(spool)["passed"] is True


def test_a_group_of_tasks_is_ended(spool: SpoolFolder) -> None:
    """The group's error is the budget's own."""

    async def member(n: int) -> None:
        await asyncio.sleep(0)
        chat(60)
        await asyncio.sleep(0 if n else 60)
        chat(60)

    async def work() -> None:
        async with emit.budget("b", tokens=100), asyncio.TaskGroup() as group:
            for n in range(3):
                group.create_task(member(n))

    with pytest.raises(emit.BudgetError, match="budget b"):
        asyncio.run(work())


def test_an_error_of_the_block_is_not_hidden(spool: SpoolFolder) -> None:
    """It is what went wrong first; the event says both."""
    with pytest.raises(ValueError, match="mine"), emit.budget("b", tokens=10):  # noqa: PT012  # the block is what is guarded
        chat(20)
        raise ValueError("mine")
    assert (written(spool)["passed"], written(spool)["error_type"]) == (False, "ValueError")


def test_every_call_of_a_function_has_a_budget_of_its_own(spool: SpoolFolder) -> None:
    """Also when it calls itself or runs several times at once."""

    @emit.budget(tokens=100)
    def plain(n: int) -> int:
        chat(60)
        return n

    @emit.budget(tokens=100)
    async def slow(n: int) -> int:
        await asyncio.sleep(0)
        chat(60)
        return n

    async def work() -> list[int]:
        return await asyncio.gather(*(slow(n) for n in range(3)))

    assert ([plain(1), plain(2)], asyncio.run(work())) == ([1, 2], [0, 1, 2])
    names = [e["name"] for e in spool.events() if e["kind"] == "contract"]
    assert len(names) == 5
    assert names[0].endswith("plain")
    with pytest.raises(TypeError, match="generator"):
        emit.budget(tokens=1)(iterate)


def iterate() -> Any:
    """A generator."""
    yield 1


@pytest.mark.parametrize("limits", [{}, {"tokens": -1}, {"seconds": "5"}, {"calls": True}])
def test_a_budget_that_cannot_be_is_refused(limits: Any) -> None:
    """With the value."""
    with pytest.raises(ValueError, match="expected a number of 0 or more"):
        emit.budget("b", **limits)


def test_a_clock_that_is_set_back_does_not_lengthen_a_budget(spool: SpoolFolder) -> None:
    """Seconds are counted by a clock that nobody sets."""
    now = iter(range(1_790_000_000_000_000_000, 0, -3_600_000_000_000))
    spool.configure(clock=lambda: next(now))
    with pytest.raises(emit.BudgetError), emit.budget("b", seconds=0.01):  # noqa: PT012  # the block is what is guarded
        while True:
            with emit.span("x"):
                time.sleep(0.002)
    assert all(event["duration_ms"] == 0 for event in spool.events("x"))


def test_clearing_what_is_bound_does_not_leave_the_budget(spool: SpoolFolder) -> None:
    """Code inside cannot get out of it by chance."""
    with pytest.raises(emit.BudgetError), emit.budget("b", calls=1):  # noqa: PT012  # the block is what is guarded
        emit.clear()
        chat()
        chat()


# -- timeout


def test_a_timeout_ends_what_waits(spool: SpoolFolder) -> None:
    """It is a TimeoutError, so spans and other code know it."""

    async def work() -> None:
        with emit.span("caller"):
            async with emit.timeout(0.01, "t"):
                with emit.span("inner"):
                    await asyncio.sleep(60)

    with pytest.raises(TimeoutError, match=r"time-out t is exhausted: 0\.01 s are over"):
        asyncio.run(work())
    assert [(e["event"], e.get("status")) for e in spool.events() if e["kind"] == "span"] == [
        ("inner", "cancelled"),
        ("caller", "timeout"),
    ]
    assert written(spool, "t")["passed"] is False


def test_a_timeout_stops_other_code_at_its_next_span(spool: SpoolFolder) -> None:
    """No thread can be ended from outside."""

    @emit.timeout(0.01)
    def work() -> None:
        while True:
            with emit.span("step"):
                time.sleep(0.002)

    with pytest.raises(emit.TimedOutError):
        work()
    assert {e["status"] for e in spool.events("step")} == {"ok"}


def test_a_guard_without_a_name_is_called_by_its_kind(spool: SpoolFolder) -> None:
    """In the error and in the event."""
    with pytest.raises(emit.BudgetError, match=r"^budget is exhausted: 2 of 1 tokens"), emit.budget(tokens=1) as budget:
        budget.spend(tokens=2)
    with pytest.raises(emit.TimedOutError, match=r"^time-out is exhausted: 0 s are over"), emit.timeout(0):
        pass
    assert [event["name"] for event in spool.events()] == ["budget", "time-out"]
