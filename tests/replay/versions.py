"""Other versions of the desk, as the next weeks brought them."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tests.replay import desk

from deadreckon import emit

emit.get_logger().info("imported")
emit.configure(environment="prod", directory="./nowhere", sample=0)  # what an application does


def answer(question: str, number: str = "o-1") -> str:
    """The very same, not traced itself."""
    return desk.answer.__wrapped__(question, number)


def named(question: str, number: str = "o-1", *, top: int = 3) -> str:
    """States what was the default."""
    print("printed by the code")
    desk.plan(question)
    found = [*desk.search(query=question, top=top), *desk.search(question)]
    bought = desk.order(number)
    try:
        desk.stock(bought.lines[0])
    except desk.OutOfStockError as error:
        found.append(str(error))
    said = desk.ask(f"{question} {bought.paid:%Y} {len(found)}")
    return said + "".join(desk.chat("style"))


def terse(question: str, number: str = "o-1") -> str:
    """Leaves steps out, and says less."""
    desk.plan(question)
    desk.search(question)
    return "no"


def curious(question: str, number: str = "o-1") -> str:
    """Asks what was never asked, and would rather not know that it failed."""
    try:
        return str(desk.search(question + "?"))
    except Exception:  # noqa: BLE001
        return "never mind"


def greedy(question: str, number: str = "o-1") -> str:
    """Asks once more than then."""
    return str([desk.search(question) for _ in range(3)])


@emit.trace(operation="chat", model="desk-8b")
def ask(prompt: str) -> str:
    return prompt


def upgraded(question: str, number: str = "o-1") -> str:
    """Asks another model the same."""
    return ask(f"{question} 2026 7")


def slow(question: str, number: str = "o-1") -> str:
    """Never comes back."""
    desk.plan(question)
    while True:
        try:
            time.sleep(60)
        except Exception:  # noqa: BLE001
            pass


def stubborn(question: str, number: str = "o-1") -> str:
    """Does not even listen."""
    while True:
        try:
            time.sleep(60)
        except BaseException:  # noqa: BLE001
            pass


def quits(question: str, number: str = "o-1") -> str:
    """Takes its process with it."""
    os._exit(7)


def fails(question: str, number: str = "o-1") -> str:
    """A bug."""
    raise KeyError(question)


def breaks(question: str) -> str:
    """The same bug as then."""
    raise LookupError(question)


def threaded(question: str, number: str = "o-1") -> str:
    """Calls tools in threads, some of which carry nothing."""
    threading.Thread(target=time.sleep, args=(60,), name="left behind").start()
    found: list[str] = []
    bare = threading.Thread(target=lambda: found.extend(desk.search(question)))
    bare.start()
    bare.join()
    with ThreadPoolExecutor() as pool:
        found += pool.submit(emit.carry(desk.search), question).result()
    return f"{len(found)}"


def haunted(question: str, number: str = "o-1") -> str:
    """Leaves a thread behind that goes on asking."""

    def ask() -> None:
        while True:
            try:
                desk.search(question)
            except BaseException:  # noqa: BLE001
                time.sleep(0.001)

    threading.Thread(target=ask, daemon=True).start()
    return "boo"


def forked(question: str, number: str = "o-1") -> str:
    """Comes back twice."""
    os.fork()
    return desk.plan(question)


def forgetful(question: str, number: str = "o-1") -> None:
    """Does all there is to do, and says nothing."""
    desk.answer.__wrapped__(question, number)


def posing(question: str, number: str = "o-1") -> str:
    """Would be counted with the real work."""
    with emit.bound(environment="prod"):
        return desk.plan(question)


def echo(question: str) -> str:
    """For roots that hold nothing."""
    return question


guarded, long, unclear, charged = desk.guarded, desk.long, desk.unclear, desk.charged
report, deep, paid = desk.report, desk.deep, desk.paid
hello = desk.hello
