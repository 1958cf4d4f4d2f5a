"""`with replaying(recording)`: in tests and notebooks, for this task and what it starts."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder, spool
from tests.replay import desk as app
from tests.replay.conftest import Desk

from deadreckon import emit
from deadreckon.core.errors import UsageError
from deadreckon.queries import connect
from deadreckon.replay import NotAnsweredError, Recording, ReplayError, replaying

__all__ = ["spool"]


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
    """Another framework writes JSON with blanks, emit never: a text of emit's that has them was a text."""
    called = emit.trace("said", tool="said")(lambda n: n)
    theirs = row("a", "said", tool="said", input='{"n": 1}', output='{"x": 1}', input_hash=None, output_hash=None)
    with replaying(recorded(theirs)), pytest.raises(NotAnsweredError, match="may be a text or a value"):
        called(1)
    with replaying(recorded(row("a", "said", tool="said", input='{"n":1}', output='{"x": 1}'))):
        assert called(1) == '{"x": 1}'


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
