"""Steps that other processes import by name, and that fail as they are told."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from deadreckon import emit


def note(text: str) -> None:
    """Leave a trace of a call that was really made."""
    with Path(os.environ["CALLS"]).open("a") as file:
        file.write(f"{text}\n")


def calls() -> list[str]:
    """Return the calls that were made."""
    path = Path(os.environ["CALLS"])
    return path.read_text().splitlines() if path.exists() else []


@emit.deadletter
def charge(order: str, amount: float, *rest: int, note_: str = "") -> dict[str, Any]:
    """Fail while BROKEN is set."""
    note(f"charge {order} {amount} {rest} {note_}")
    if os.environ.get("BROKEN"):
        raise ConnectionError(f"no route for {order}")
    return {"order": order, "charged": amount}


@emit.deadletter("mailing")
async def mail(to: str, text: Any) -> str:
    """Fail while BROKEN is set."""
    await asyncio.sleep(0)
    note(f"mail {to} {text}")
    if os.environ.get("BROKEN"):
        raise ConnectionError("no route")
    return "sent"


def die(order: str, amount: float) -> None:
    """Do the work and be killed before anybody hears of it."""
    note(f"die {order} {amount}")
    os.kill(os.getpid(), 9)


@emit.idempotent("pay:{order}", name="pay", wait=20)
def pay(order: str, how: str = "well", seconds: float = 0) -> dict[str, Any]:
    """An external call that goes as it is told."""
    import time

    note(f"pay {order} {how}")
    time.sleep(seconds)
    if how == "killed":
        os.kill(os.getpid(), 9)
    if how == "late":
        raise TimeoutError("no answer")
    if how == "refused":
        raise ValueError("card refused")
    return {"order": order, "pid": os.getpid()}
