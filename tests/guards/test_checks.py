"""Checks that answer in ways a check should not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder

from deadreckon import emit


async def allowed(amount: int) -> bool:
    """Look it up."""
    await asyncio.sleep(0)
    return amount <= 100


def test_what_a_check_returns_is_awaited(spool: SpoolFolder) -> None:
    """A coroutine is no answer, though it is true."""

    @emit.contract(policy={"limit": lambda amount: allowed(amount + 0)})
    async def refund(amount: int) -> int:
        return amount

    assert asyncio.run(refund(20)) == 20
    with pytest.raises(emit.ContractError, match="limit"):
        asyncio.run(refund(500))


def test_a_check_that_cannot_be_awaited_does_not_hold(spool: SpoolFolder) -> None:
    """Where nothing can wait for it."""

    @emit.contract(policy={"limit": lambda amount: allowed(amount + 0)})
    def refund(amount: int) -> int:
        return amount

    with pytest.raises(emit.ContractError, match="must be awaited"):
        refund(20)


def test_an_answer_without_truth_is_no_yes(spool: SpoolFolder) -> None:
    """As an array's comparison has none."""

    class Array:
        def __bool__(self) -> bool:
            raise ValueError("ambiguous")

    @emit.contract(pre={"all": lambda amount: Array()})
    def refund(amount: Any) -> Any:
        return amount

    with pytest.raises(emit.ContractError, match="ValueError: ambiguous"):
        refund(20)
    (event,) = spool.events("contract")
    assert (event["passed"], event["action"]) == (False, "refused")
