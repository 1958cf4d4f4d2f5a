"""What must hold before and after a call, and what allows it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder

from deadreckon import emit


def positive(amount: float) -> bool:
    """A check with a name."""
    return amount > 0


@emit.contract(
    pre=positive,
    policy={"below_limit": lambda amount, limit: amount <= limit or f"{amount} is above {limit}"},
    post={"has_receipt": lambda result, order: result["order"] == order},
)
def refund(order: str, amount: float, *, limit: float = 100) -> dict[str, Any]:
    """Give money back."""
    return {"order": "other" if order == "wrong" else order, "amount": amount}


def outcomes(spool: SpoolFolder) -> list[tuple[Any, ...]]:
    """Each check that was made."""
    return [(e["name"], e["label"], e["passed"], e.get("action")) for e in spool.events() if e["kind"] == "contract"]


def test_what_holds_is_recorded_and_changes_nothing(spool: SpoolFolder) -> None:
    """Each check is an event; arguments go by name, with their defaults."""
    assert refund("o-1", 5) == {"order": "o-1", "amount": 5}
    assert outcomes(spool) == [
        ("positive", "pre", True, None),
        ("below_limit", "policy", True, None),
        ("has_receipt", "post", True, None),
    ]
    assert spool.events()[0]["function"] == "refund"


@pytest.mark.parametrize(
    ("arguments", "name", "label", "action", "reason"),
    [
        (("o-1", -5), "positive", "pre", "refused", ""),
        (("o-1", 500), "below_limit", "policy", "refused", "500 is above 100"),
        (("wrong", 5), "has_receipt", "post", "rejected", ""),
    ],
)
def test_what_is_broken_stops_the_call(
    spool: SpoolFolder, arguments: Any, name: str, label: str, action: str, reason: str
) -> None:
    """One error says which and why, and what to do; the event says what was done."""
    with pytest.raises(emit.ContractError, match=f"refund: {label} {name} does not hold") as caught:
        refund(*arguments)
    assert (caught.value.name, caught.value.label, caught.value.reason) == (name, label, reason)
    assert caught.value.hint
    assert outcomes(spool)[-1] == (name, label, False, action)
    assert spool.events()[-1]["level"] == "error"


def test_a_check_belongs_to_the_span_in_which_it_is_made(spool: SpoolFolder) -> None:
    """So that a trace shows why it stopped."""
    with pytest.raises(emit.ContractError), emit.span("agent") as span:
        refund("o-1", -1)
    assert spool.events()[0]["span_id"] == span.span_id
    assert spool.events("agent")[0]["error_type"].endswith("ContractError")


def test_a_contract_can_only_record(spool: SpoolFolder) -> None:
    """To see what it would stop before it does."""

    @emit.contract(pre=lambda n: n > 0, enforce=False)
    def double(n: int) -> int:
        return n * 2

    assert double(-1) == -2
    ((name, *rest),) = outcomes(spool)
    assert name.endswith("double.pre")
    assert rest == ["pre", False, "recorded"]


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (lambda n: 1 / 0, "the check raised ZeroDivisionError: division by zero"),
        (lambda n: (_ for _ in ()).throw(AssertionError("too small")), "too small"),
        (lambda n: "said so", "said so"),
    ],
)
def test_a_check_that_fails_did_not_say_that_all_is_well(spool: SpoolFolder, check: Any, reason: str) -> None:
    """Its exception is the reason."""
    called = []

    @emit.contract("guarded", pre={"c": check})
    def work(n: int) -> None:
        called.append(n)

    with pytest.raises(emit.ContractError, match=reason):
        work(1)
    assert called == []


def test_a_check_may_say_nothing(spool: SpoolFolder) -> None:
    """As a function of assertions does."""

    def check(n: int) -> None:
        assert n

    emit.contract(pre=[check, positive])(lambda n, amount: None)(1, 2)
    assert [passed for _, _, passed, _ in outcomes(spool)] == [True, True]


def test_coroutines_may_be_checked_by_coroutines(spool: SpoolFolder) -> None:
    """And by plain functions."""

    async def allowed(user: str) -> bool:
        await asyncio.sleep(0)
        return user == "bob"

    @emit.contract(policy=allowed, post=lambda result: result == "BOB")
    async def greet(user: str) -> str:
        await asyncio.sleep(0)
        return user.upper()

    assert inspect.iscoroutinefunction(greet)
    assert asyncio.run(greet("bob")) == "BOB"
    with pytest.raises(emit.ContractError, match="allowed"):
        asyncio.run(greet("eve"))
    with pytest.raises(TypeError, match="must be awaited"):
        emit.contract(pre=allowed)(lambda user: None)


def test_generators_are_checked_before_they_begin(spool: SpoolFolder) -> None:
    """They stay generators, and pass on what is sent; a result they have not."""

    @emit.contract(pre=positive)
    def count(amount: int) -> Iterator[Any]:
        got = yield amount
        yield got

    @emit.contract(pre=positive)
    async def acount(amount: int) -> AsyncIterator[Any]:
        got = yield amount
        yield got

    assert inspect.isgeneratorfunction(count)
    assert inspect.isasyncgenfunction(acount)
    steps: Any = count(1)
    assert (next(steps), steps.send("x")) == (1, "x")

    async def work() -> None:
        asteps: Any = acount(1)
        assert (await anext(asteps), await asteps.asend("x")) == (1, "x")
        with pytest.raises(emit.ContractError):
            await anext(acount(-1))

    asyncio.run(work())
    with pytest.raises(emit.ContractError):
        next(count(-1))
    with pytest.raises(TypeError, match="post cannot look at the generator"):
        emit.contract(post=lambda result: True)(count)


def test_a_check_that_asks_for_what_is_not_there_is_refused_at_once() -> None:
    """When the function is decorated, not when it is first called."""
    with pytest.raises(TypeError, match="asks for amont; it can ask for amount"):
        emit.contract(pre=lambda amont: True)(positive)
    with pytest.raises(TypeError, match="guards nothing"):
        emit.contract()


def test_methods_and_wrong_calls(spool: SpoolFolder) -> None:
    """`self` is an argument like any other, and a call that does not fit fails as without the contract."""

    class Shop:
        limit = 10

        @emit.contract(policy=lambda self, amount: amount <= self.limit)
        def pay(self, amount: int) -> int:
            return amount

        @emit.contract(pre=positive)
        @staticmethod
        def check(amount: int) -> int:
            return amount

    assert (Shop().pay(5), Shop.check(3)) == (5, 3)
    with pytest.raises(emit.ContractError):
        Shop().pay(50)
    with pytest.raises(TypeError, match="missing a required argument"):
        Shop().pay()  # type: ignore[call-arg]


def test_events_of_contracts_are_written_as_before(spool: SpoolFolder) -> None:
    """The same name writes a single event."""
    emit.contract("budget", passed=False, label="budget", action="stopped", reason="why")
    assert spool.event()["reason"] == "why"
