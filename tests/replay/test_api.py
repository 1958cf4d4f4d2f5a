"""`with replaying(recording)`: in tests and notebooks, for this task and what it starts."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypedDict
from uuid import UUID

import orjson
import pytest
from tests.emit.conftest import SpoolFolder, spool
from tests.replay import desk as app
from tests.replay.conftest import Desk

from deadreckon import emit
from deadreckon.core.errors import UsageError
from deadreckon.queries import connect
from deadreckon.replay import NotAnsweredError, Recording, ReplayError, answering, replaying

__all__ = ["spool"]


class Shop:
    @dataclass
    class Order:
        n: float
        price: Decimal

    class ClosedError(Exception):
        """Says more than it is given."""

        def __init__(self, why: str) -> None:
            super().__init__(f"closed: {why}")


@pytest.fixture
def recording(desk: Desk) -> Iterator[Recording]:
    with connect(desk.lake) as connection:
        yield Recording.read(connection, desk.trace("answer"))


@pytest.fixture(autouse=True)
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spool: SpoolFolder) -> Path:
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    spool.configure(capture="text")
    return tmp_path / "calls"


ROW: dict[str, Any] = {
    **dict.fromkeys(("event", "tool", "agent", "error_type", "error_message", "model", "model_version", "provider")),
    **dict.fromkeys(("finish_reason", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")),
    **dict.fromkeys(("reasoning_tokens", "cost_usd", "environment", "service", "parent_span_id")),
    **dict.fromkeys(("input", "input_length", "input_hash", "output", "output_length", "output_hash")),
    "operation": "internal",
    "status": "ok",
    "duration_ms": 5.0,
    "trace_id": "t",
}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def row(span_id: str, name: str, **fields: Any) -> dict[str, Any]:
    """A span as the lake has it; `input` and `output` whole unless told otherwise."""
    for key in ("input", "output"):
        if fields.get(key) is not None:
            fields = {f"{key}_length": len(fields[key]), f"{key}_hash": sha(fields[key]), **fields}
    return {**ROW, "span_id": span_id, "name": name, **fields}


def kept(event: dict[str, Any]) -> dict[str, Any]:
    """A span that emit wrote, as the lake has it: text is text, the rest is JSON."""
    columns = {key: event[key] for key in ROW.keys() & event.keys()}
    for key in ("input", "output"):
        if key in event and not isinstance(event[key], str):
            columns[key] = orjson.dumps(event[key]).decode()
    marks = {"output_type": event.get("output_type")}
    return {**ROW, **columns, **marks, "span_id": event["span_id"], "name": event["name"]}


def recorded(*calls: dict[str, Any]) -> Recording:
    """A trace of these calls below a root."""
    root = row("r", "root", input="{}")
    return Recording.of("t", [root, *({**call, "parent_span_id": "r"} for call in calls)])


def test_code_is_answered_within_the_block_alone(recording: Recording, calls: Path, spool: SpoolFolder) -> None:
    """Arguments by name, results in their types; after the block the world is real."""
    assert recording.arguments() == {"question": "lamp?"}
    with replaying(recording) as replay:
        assert app.answer(**recording.arguments()) == '{"say":"lamp? 2026 7"}one two'
        assert app.order.__wrapped__ is not None
    assert not calls.exists()
    assert [(made.name, made.how) for made in replay.calls][:3] == [
        ("kb_search", "recorded"),
        ("kb_search", "recorded"),
        ("order", "recorded"),
    ]
    assert replay.unused() == []
    app.search("real")
    assert calls.read_text() == "search real\n"
    spans = [event for event in spool.events() if event["kind"] == "span"]
    assert {s.get("replay_id") for s in spans[:-1]} == {replay.id}
    assert {s["trace_id"] for s in spans[:-1]} == {replay.trace_id}
    assert {s["environment"] for s in spans[:-1]} == {"replay"}
    assert not {"replay_id", "replay_of_trace_id", "environment"} & spans[-1].keys()


def test_results_have_the_types_that_functions_say(recording: Recording) -> None:
    """A dataclass with a date and a tuple, though JSON has neither."""
    with replaying(recording):
        assert app.order("o-1") == app.Order("o-1", date(2026, 10, 1), ("lamp", "bulb"))
        with pytest.raises(app.OutOfStockError, match="lamp: 0 left"):
            app.stock("lamp")


def test_a_tool_called_outside_of_any_step_is_answered_too(recording: Recording, calls: Path) -> None:
    """The first call of a block is no root because it is first."""
    with replaying(recording), pytest.raises(NotAnsweredError, match="never recorded"):
        app.search("other")
    assert not calls.exists()


def test_tasks_and_threads(recording: Recording, calls: Path) -> None:
    """Tasks by themselves, threads with `carry`; a thread that carries nothing is not part of the replay."""

    async def both() -> list[Any]:
        with replaying(recording):
            return await asyncio.gather(asyncio.to_thread(app.search, "lamp?"), asyncio.to_thread(app.search, "lamp?"))

    assert asyncio.run(both()) == [["lamp? #0", "lamp? #1", "lamp? #2"]] * 2
    with replaying(recording), ThreadPoolExecutor() as pool:
        assert len(pool.submit(emit.carry(app.search), "lamp?").result()) == 3
        assert not calls.exists()
        bare = threading.Thread(target=app.search, args=("bare",))
        bare.start()
        bare.join()
    assert calls.read_text() == "search bare\n"


def test_two_replays_at_once_do_not_see_each_other(recording: Recording) -> None:
    """Each answers from its own recording, each call once."""

    async def one() -> int:
        with replaying(recording) as replay:
            await asyncio.sleep(0)
            app.search("lamp?")
            await asyncio.sleep(0)
            app.search("lamp?")
            return len(replay.calls)

    async def many() -> list[int]:
        return await asyncio.gather(*(one() for _ in range(5)))

    assert asyncio.run(many()) == [2] * 5


def test_an_early_stop_of_a_stream(recording: Recording, spool: SpoolFolder) -> None:
    """A consumer that leaves ends the span as it would a real one."""
    with replaying(recording):
        for _ in app.chat("style"):
            break
    assert spool.events("chat")[0]["status"] == "cancelled"


def test_arguments_known_by_their_hash(calls: Path) -> None:
    """Where arguments were cut, or changed at ingest, the hash of the whole tells calls apart."""
    text = '{"query":"long"}'
    cut = row("a", "search", tool="kb_search", input=text, output='["x"]')
    cut |= {"input": text[:4]}
    with replaying(recorded(cut)):
        assert app.search("long") == ["x"]
    with replaying(recorded(cut)), pytest.raises(NotAnsweredError, match="was cut: 4 of 16 characters were kept"):
        app.search("other")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"output": None, "input": None}, "was not kept .capture was off."),
        ({"output": None, "output_length": 9}, "was not kept, only its length, 9 characters"),
        ({"output": '["[email]"]'}, "was redacted .*--masked"),
        ({"output": '["a"]', "output_hash": sha("b")}, "was changed after it was recorded"),
        ({"output": "[1.1]", "output_hash": sha("[1.10]"), "output_length": 6}, "Decimals with more digits"),
        ({"output": '{"a":1}'}, "is no list, which the function says it returns"),
        ({"status": "cancelled"}, "was cancelled"),
        ({"status": "running"}, "never ended"),
    ],
)
def test_what_cannot_be_answered_says_why(fields: dict[str, Any], message: str, calls: Path) -> None:
    """And the real call is not made."""
    call = row("a", "search", **{"tool": "kb_search", "input": '{"query":"q"}', "output": "[]", **fields})
    with replaying(recorded(call)) as replay, pytest.raises(NotAnsweredError, match=message) as raised:
        app.search("q")
    assert raised.value is replay.refused
    assert "tool:kb_search" in raised.value.hint
    assert not calls.exists()


def test_arguments_are_recorded_as_they_were_given(spool: SpoolFolder) -> None:
    """A function that changes them does not change what is known of its call; and it is known by them again."""

    @emit.trace(tool="add")
    def add(basket: list[str]) -> int:
        basket.append("bulb")
        return len(basket)

    add(["lamp"])
    assert spool.event()["input"] == {"basket": ["lamp"]}
    call = row("a", "add", tool="add", input='{"basket":["lamp"]}', output="7")
    with replaying(recorded(call)):
        assert add(["lamp"]) == 7


def test_what_says_nothing_of_a_call_is_not_compared() -> None:
    """Where an object lay in the memory of then, and whether a whole number was a float."""
    call = row("a", "add", tool="add", input='{"shop":"<x.Shop object at 0x7f8a700e91d0>","n":2}', output="7")
    add = emit.trace("add", tool="add")(lambda shop, n: None)

    class Here:
        def __repr__(self) -> str:
            return f"<x.Shop object at {id(self):#x}>"

    with replaying(recorded(call)) as replay:
        assert add(Here(), 2.0) == 7
        with pytest.raises(NotAnsweredError, match="once more than was recorded: once"):
            add(Here(), 2)
    with replaying(recorded(call)) as replay, pytest.raises(NotAnsweredError, match="never recorded"):
        add(Here(), 2.5)
    assert replay.unused()


def test_a_stream_that_its_consumer_left_is_left_again() -> None:
    """What it had given is there; what came then was never recorded, and is not made up."""
    call = row("a", "ask", operation="chat", input='{"prompt":"p"}', output="one ", status="cancelled")

    @emit.trace("ask", operation="chat")
    def ask(prompt: str) -> Iterator[str]:
        raise AssertionError
        yield ""

    left = {**call, "error_type": "GeneratorExit"}
    with replaying(recorded(left)) as replay:
        stream = ask("p")
        assert next(stream) == "one "
        stream.close()
        assert replay.refused is None
    with replaying(recorded(left)) as replay, pytest.raises(NotAnsweredError, match="ask is read on, where"):
        list(ask("p"))
    assert replay.refused is not None


def test_a_call_that_was_cancelled_waits_for_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a time-out did then; where nobody cancels it, there is no result."""
    call = row("a", "slow", tool="slow", input="{}", status="cancelled", error_type="asyncio.CancelledError")

    @emit.trace("slow", tool="slow")
    async def slow() -> int:
        raise AssertionError

    async def given_up() -> str:
        with replaying(recorded(call)) as replay:
            try:
                await asyncio.wait_for(slow(), 0.01)
            except TimeoutError:
                return replay.calls[0].how
        raise AssertionError

    assert asyncio.run(given_up()) == "recorded"
    monkeypatch.setattr(answering, "_PATIENCE_S", 0.01)

    async def waited_for() -> None:
        with replaying(recorded(call)):
            await slow()

    with pytest.raises(NotAnsweredError, match="slow was cancelled then, and is not now"):
        asyncio.run(waited_for())


@pytest.mark.parametrize(
    ("kind", "named", "message"),
    [
        (KeyError, "KeyError", "'o-1'"),
        (Shop.ClosedError, f"{__name__}.Shop.ClosedError", "closed: today"),
        (Shop.ClosedError, "__main__.Shop.ClosedError", "closed: today"),
        (UnicodeDecodeError, "UnicodeDecodeError", "'utf-8' codec can't decode byte 0xff"),
        (FileNotFoundError, "FileNotFoundError", "[Errno 2] No such file or directory: 'x'"),
    ],
)
def test_an_error_is_caught_as_it_was_and_says_the_same(kind: type[Exception], named: str, message: str) -> None:
    """Though its class is nested in another, adds to its message, or wants more than one."""
    fields = {"status": "error", "error_type": named, "error_message": message}
    called = emit.trace("said", tool="said")(lambda: None)
    with replaying(recorded(row("a", "said", tool="said", input="{}", **fields))), pytest.raises(kind) as raised:
        called()
    assert (str(raised.value), type(raised.value).__name__) == (message, kind.__name__)


def test_a_group_of_errors_is_not_made_up() -> None:
    """Which errors are in it decides who catches it, and that was not recorded."""
    fields = {"status": "error", "error_type": "ExceptionGroup", "error_message": "two (2 sub-exceptions)"}
    called = emit.trace("said", tool="said")(lambda: None)
    call = row("a", "said", tool="said", input="{}", **fields)
    with replaying(recorded(call)), pytest.raises(NotAnsweredError, match="a ExceptionGroup, whose errors were not"):
        called()


def test_a_step_of_the_programs_own_is_answered_where_told() -> None:
    """By its name; else it runs, as what is under test."""
    steps = recorded(row("a", "plan", input='{"question":"q"}', output="recorded"))
    with replaying(steps) as replay:
        assert (app.plan("q"), replay.calls) == ("Q", [])
    with replaying(steps, answer=["plan"]) as replay:
        assert (app.plan("q"), replay.calls[0].kind) == ("recorded", "step")


def test_a_trace_that_is_one_call_of_a_tool_is_that_call_for_real(calls: Path) -> None:
    """What is replayed is not answered; what it calls is."""
    alone = Recording.of("t", [row("r", "search", tool="kb_search", input='{"query":"q"}', output='["old"]')])
    with replaying(alone):
        assert app.search(**alone.arguments()) == ["q #0", "q #1", "q #2"]
    assert calls.read_text() == "search q\n"


def test_a_text_that_could_be_an_object() -> None:
    """What a model says is text where the function says so."""
    call = row("a", "ask", operation="chat", model="desk-7b", input='{"prompt":"p"}', output='{"x":1}')
    with replaying(recorded(call)):
        assert app.ask("p") == '{"x":1}'


def test_json_of_others_is_not_taken_for_text() -> None:
    """Another framework does not say which it was."""
    called = emit.trace("said", tool="said")(lambda n: n)
    theirs = row("a", "said", tool="said", input='{"n": 1}', output='{"x": 1}', input_hash=None, output_hash=None)
    with replaying(recorded(theirs)), pytest.raises(NotAnsweredError, match="may be a text or a value"):
        called(1)


SAID = ["yes", '"yes"', "null", "12", "1.50", '{"x": 1}', '["a"]', None, 12, 1.5, 3.0, True, {"x": 1}, ["a"], {"p": 3}]
OTHERS: list[Any] = [Decimal("1.1"), date(2026, 1, 2), UUID(int=7), ("a", 3), Shop.Order(3, Decimal("2.5"))]


@pytest.mark.parametrize("said", [*SAID, *OTHERS], ids=repr)
@pytest.mark.parametrize("kind", [{"tool": "said"}, {"operation": "chat"}], ids=["tool", "llm"])
def test_what_emit_recorded_is_what_it_was(said: Any, kind: dict[str, str], spool: SpoolFolder) -> None:
    """Text or value, though the function does not say what it returns: emit marks texts that can be read as JSON."""

    @emit.trace("said", **kind)
    def called():
        return said

    called()
    with replaying(recorded(kept(spool.event()))):
        again = called()
    assert (repr(again), type(again)) == (repr(said), type(said))


@pytest.mark.parametrize(
    "pieces", [['{"x":', "1}"], ["[1", "]"], [[1], [2]], [{"d": "a"}, {"d": 2}], ["a", "b"]], ids=repr
)
def test_streams_of_texts_and_of_values(pieces: list[Any], spool: SpoolFolder) -> None:
    """Pieces of a text that is JSON in the end are pieces of text."""

    @emit.trace("said", operation="chat")
    def called():
        yield from pieces

    list(called())
    with replaying(recorded(kept(spool.event()))):
        assert list(called()) == (["".join(pieces)] if isinstance(pieces[0], str) else pieces)


class Row(TypedDict):
    """As a database gives it, with more than is said."""

    price: float
    n: int


@dataclass(frozen=True)
class Line:
    """A line of an order."""

    price: float
    of: tuple[float, ...] = ()


@pytest.mark.parametrize(
    ("says", "said"),
    [
        (float, 3),
        (float | None, 3.0),
        (dict[str, float], {"b": 3, "a": 3.0}),
        (Row, {"n": 1, "price": 3, "more": "x"}),
        (list[Row], [{"n": 1, "price": 3}]),
        (Line, Line(3, (1, 2.0))),
        (dict[int, float], {7: 3, 5: 1.0}),
        (str | None, '"yes"'),
        (str | None, "null"),
        (str | dict, '{"x":1}'),
        (dict | str, {"x": 1}),
        (Iterable[int], [1, 2]),
        (date | None, date(2026, 1, 2)),
    ],
    ids=repr,
)
def test_what_is_made_again_is_written_as_it_was(says: Any, said: Any, spool: SpoolFolder) -> None:
    """A 3 that a function calls a float stays a 3; a text that could be something else that it may return, a text."""

    def plain():
        return said

    plain.__annotations__["return"] = says
    called = emit.trace("said", tool="said")(plain)
    called()
    with replaying(recorded(kept(spool.event()))):
        assert repr(called()) == repr(said)


def test_every_form_of_function_is_answered(calls: Path) -> None:
    """Methods, static and class methods, objects that can be called."""

    class Shop:
        @emit.trace("m", tool="m")
        def method(self, n: int) -> int:
            raise AssertionError

        @emit.trace("s", tool="s")
        @staticmethod
        def static(n: int) -> int:
            raise AssertionError

        @classmethod
        @emit.trace("c", tool="c")
        def of(cls, n: int) -> int:
            raise AssertionError

    class Callable:
        def __call__(self, n):
            raise AssertionError

    called = emit.trace("o", tool="o")(Callable())
    given = [row(name, name, tool=name, input='{"n":1}', output="[7]" if name == "o" else "7") for name in "msco"]
    with replaying(recorded(*given)):
        assert (Shop().method(1), Shop.static(1), Shop.of(1), called(1)) == (7, 7, 7, [7])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no span"),
        ([row("a", "x", status="running")], "is unfinished: its root 'x' never ended"),
        ([row("a", "x"), row("b", "y")], "has 2 roots .x, y."),
        ([row("a", "x", parent_span_id="b"), row("b", "y", parent_span_id="a")], "are below a circle"),
    ],
)
def test_a_trace_that_is_no_recording(rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ReplayError, match=message):
        Recording.of("t", rows)


def test_a_trace_of_another_framework(calls: Path) -> None:
    """Its input is text or messages, not arguments by name; they can be given."""
    recording = Recording.of("t", [row("a", "agent run", input="Where is my order?", input_hash=None)])
    with pytest.raises(ReplayError, match=r"is no arguments by name, as @emit\.trace records them: Where is my order"):
        recording.arguments()
    assert recording.arguments({"question": "Where?"}) == {"question": "Where?"}


def test_policies_that_are_none_are_refused(recording: Recording) -> None:
    with pytest.raises(UsageError, match="live is 'tools'"), replaying(recording, live=["tools"]):
        pass
