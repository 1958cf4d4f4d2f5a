"""A support desk, as its author wrote it: its tools leave a line in the file CALLS when they are really called."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import deadreckon.replay  # noqa: F401  # tests of the same process may import the desk before anything else
from deadreckon import emit


def note(text: str) -> None:
    """Leave a trace of a call that was really made."""
    with Path(os.environ["CALLS"]).open("a") as file:
        file.write(f"{text}\n")


class OutOfStockError(Exception):
    """What the shop says; it wants more than a message."""

    def __init__(self, sku: str, left: int) -> None:
        super().__init__(f"{sku}: {left} left")


@dataclass
class Order:
    """What the shop knows of an order."""

    id: str
    paid: date
    lines: tuple[str, ...]


@emit.trace("search", tool="kb_search")
def search(query: str, top: int = 3) -> list[str]:
    note(f"search {query}")
    return [f"{query} #{n}" for n in range(top)]


@emit.trace(tool="order")
def order(number: str) -> Order:
    note(f"order {number}")
    return Order(number, date(2026, 10, 1), ("lamp", "bulb"))


@emit.trace(tool="stock")
def stock(sku: str) -> int:
    note(f"stock {sku}")
    raise OutOfStockError(sku, 0)


@emit.trace(operation="chat", model="desk-7b")
def ask(prompt: str) -> str:
    note(f"ask {prompt}")
    emit.current_span().set(input_tokens=100, output_tokens=10, cost_usd=0.25)
    return f'{{"say":"{prompt}"}}'  # text that could be an object


@emit.trace(operation="chat", model="desk-7b")
def chat(prompt: str) -> Iterator[str]:
    note(f"chat {prompt}")
    yield from ("one ", "two")


@emit.trace("rows", tool="rows")
async def rows(table: str) -> AsyncIterator[dict[str, Any]]:
    note(f"rows {table}")
    for n in range(2):
        await asyncio.sleep(0)
        yield {"n": n, "of": table}


@emit.trace("lookup", tool="lookup")
async def lookup(name: str) -> dict[str, str]:
    note(f"lookup {name}")
    await asyncio.sleep(0)
    return {"name": name}


@emit.trace
def plan(question: str) -> str:
    return question.upper()


@emit.trace
def answer(question: str, number: str = "o-1") -> str:
    plan(question)
    found = search(question)
    found += search(question)
    bought = order(number)
    try:
        stock(bought.lines[0])
    except OutOfStockError as error:
        found.append(str(error))
    said = ask(f"{question} {bought.paid:%Y} {len(found)}")
    return said + "".join(chat("style"))


@emit.trace("report")
async def report(name: str) -> AsyncIterator[str]:
    one, two = await asyncio.gather(lookup(name), lookup("all"))
    yield one["name"]
    async for row in rows(two["name"]):
        yield f" {row['n']}"


@emit.trace
def broken(question: str) -> str:
    raise LookupError(question)


@emit.trace("secret", capture="off")
def secret(question: str) -> str:
    return question


@emit.trace
def guarded(question: str) -> str:
    return shut(question)


@emit.trace("shut", tool="shut", capture="off")
def shut(question: str) -> str:
    return question


@emit.trace
def long(text: str) -> str:
    return pages(text)


@emit.trace(tool="pages")
def pages(text: str) -> str:
    return "x" * 20_000


@emit.trace
def hello(mail: str, password: str) -> str:
    return f"to {mail}"


@emit.trace
def unclear(n: int):
    return said(n)


@emit.trace(tool="said")
def said(n: int):
    return str(n)


@emit.trace
def charged(amount: int) -> int:
    with emit.span("pay", tool="pay", input={"amount": amount}):
        note(f"pay {amount}")
    return amount


@emit.trace
def deep(topic: str) -> str:
    return research(topic) + research(topic)


@emit.trace(tool="research")
def research(topic: str) -> str:
    search(topic)
    return ask(plan(topic))


@emit.trace
def paid(amount: int) -> str:
    return f"{charge(amount)} {ask('thanks')}"


@emit.idempotent("charge:{amount}")
@emit.trace(tool="charge")
def charge(amount: int) -> int:
    note(f"charge {amount}")
    return amount


def record() -> None:
    """Do a day's work."""
    emit.configure(capture="text", redact=["email", "key:password"], service="desk", environment="prod")
    answer("lamp?")
    answer("bulb?", "o-2")
    asyncio.run(_read("sales"))
    try:
        broken("why?")
    except LookupError:
        pass
    secret("x")
    guarded("x")
    long("y")
    hello("bob@shop.example", "hunter2")
    unclear(42)
    charged(7)
    deep("lamps")
    paid(7)
    with emit.bound(trace_id="f" * 32, span_id="a" * 16):  # the rest of a trace whose root was lost
        plan("lost")
        plan("too")


async def _read(name: str) -> None:
    async for _ in report(name):
        pass


if __name__ == "__main__":
    record()
