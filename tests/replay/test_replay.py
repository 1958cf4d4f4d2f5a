"""`reckon replay`: recorded work is run again by other code, in a process of its own."""

from __future__ import annotations

import json

import pytest
from tests.replay.conftest import Desk


def changes(said: dict) -> list[tuple[str, str, list[str]]]:
    return [(d["path"][-1], d["change"], d["differs"]) for d in said["differences"]]


def test_the_same_code_gives_the_same_and_calls_nothing(desk: Desk) -> None:
    """Results come from the recording, in their types; errors as they were; the new run is in the lake, linked."""
    code, said, _ = desk.replay(desk.trace("answer"), "answer")
    assert (code, said["outcome"], said["differences"]) == (0, "same", [])
    assert desk.calls() == []
    assert said["calls"] == {"recorded": 6, "live": 0, "skipped": 0, "refused": 0, "unused": 0}
    assert (said["a"]["cost_usd"], said["b"]["cost_usd"], said["cost_delta_usd"]) == (0.25, 0.25, 0)
    assert said["b"]["output"] == said["a"]["output"] == '{"say":"lamp? 2026 7"}one two'
    spans = desk.sql(
        "select name, environment, attributes->>'replay_of_trace_id' as of_trace,"
        " attributes->>'replay_of_span_id' as of_span, attributes->>'answered' as answered"
        f" from spans where trace_id = '{said['trace_id']}' order by ts"
    )
    assert {s["environment"] for s in spans} == {"replay"}
    assert {s["of_trace"] for s in spans} == {desk.trace("answer")}
    then = desk.sql(
        f"select span_id from spans where trace_id = '{desk.trace('answer')}' and tool = 'kb_search' order by ts"
    )
    assert [s["of_span"] for s in spans if s["name"] == "search"] == [s["span_id"] for s in then]
    assert [s["name"] for s in spans if s["answered"] is None] == ["answer", "plan"]
    assert desk.sql("select sum(cost_usd) as c from cost_by_version where environment = 'prod'") == [{"c": 1.25}]


def test_arguments_that_state_a_default_are_the_same_call(desk: Desk) -> None:
    """And what the code prints does not mix with the answer."""
    code, said, err = desk.replay(desk.trace("answer"), "named")
    assert (code, said["outcome"], changes(said)) == (0, "same", [])
    assert "printed by the code" in err
    assert said["calls"]["recorded"] == 6


def test_what_differs_is_said(desk: Desk) -> None:
    """Steps that are gone, and another output; cost and latency with them."""
    code, said, _ = desk.replay(desk.trace("answer"), "terse")
    assert (code, said["outcome"], said["output_differs"]) == (1, "different", True)
    assert changes(said)[0] == ("answer", "", ["output"])
    assert sorted(name for name, change, _ in changes(said) if change == "only in a") == sorted(
        ["search", "order", "stock", "ask", "chat"]
    )
    assert said["cost_delta_usd"] == -0.25
    done = desk.reckon(
        "replay", desk.trace("answer"), "--with", "tests.replay.versions:terse", "--format", "table"
    ).stdout
    assert "different: answer differs in output; " in done
    assert 'answer: output {"say":"lamp? 2026 7"}one two -> no' in done
    assert "calls: 1 recorded, 5 unused" in done
    assert "latency: " in done


def test_a_name_that_met_no_call_is_said(desk: Desk) -> None:
    """It may be misspelt, and then nothing was made for real."""
    code, said, err = desk.replay(
        desk.trace("answer"), "answer", "--live", "tool:kb_serch", "--live", "llm", "--answer", "plna"
    )
    assert code == 0, said
    assert "--live tool:kb_serch met no call: did you mean 'tool:kb_search'?" in err
    assert "--answer plna met no call: " in err
    assert err.count("met no call") == 2


def test_none_is_another_output_than_a_text(desk: Desk) -> None:
    """Though what returns None has no output that could be compared."""
    code, said, _ = desk.replay(desk.trace("answer"), "forgetful")
    assert (code, said["outcome"], said["output_differs"]) == (1, "different", True)
    assert changes(said) == [("answer", "", ["output"])]


def test_a_call_that_was_never_recorded_stops_it(desk: Desk) -> None:
    """Though the code would hide the error; the nearest recorded call is named."""
    code, said, _ = desk.replay(desk.trace("answer"), "curious")
    assert (code, said["outcome"]) == (1, "failed")
    assert said["reason"] == (
        'kb_search is called with {"query":"lamp??"}, which was never recorded; nearest is {"query":"lamp?"}'
    )
    assert "--live tool:kb_search" in said["hint"]
    assert said["b"]["status"] == "error"
    assert desk.calls() == []
    _, said, _ = desk.replay(desk.trace("answer"), "greedy")
    assert said["reason"] == 'kb_search is called with {"query":"lamp?"} once more than was recorded: 2 times'
    _, said, _ = desk.replay(desk.trace("answer"), "upgraded")
    assert said["reason"] == "ask asks another model than was recorded: desk-7b"


def test_calls_are_made_for_real_only_where_told(desk: Desk) -> None:
    """One tool, the model, whatever was not recorded; or nothing is called, and None is returned."""
    _, said, _ = desk.replay(desk.trace("answer"), "curious", "--live", "tool:kb_search")
    assert (desk.calls(), said["calls"]["live"], said["outcome"]) == (["search lamp??"], 1, "different")
    _, said, _ = desk.replay(desk.trace("answer"), "greedy", "--missing", "live")
    assert (desk.calls(), said["calls"]["recorded"], said["calls"]["live"]) == (["search lamp?"], 2, 1)
    _, said, _ = desk.replay(desk.trace("answer"), "curious", "--missing", "skip")
    assert (desk.calls(), said["calls"]["skipped"], said["b"]["output"]) == ([], 1, "None")
    code, said, _ = desk.replay(desk.trace("answer"), "answer", "--live", "llm")
    assert (code, sorted(desk.calls())) == (0, ["ask lamp? 2026 7", "chat style"])
    assert [m["replay_of_span_id"] is not None for m in said["made"]] == [True] * 6


def test_a_function_that_does_not_say_what_it_returns(desk: Desk) -> None:
    """What emit recorded tells a text from a value: `42` was a text."""
    code, said, _ = desk.replay(desk.trace("unclear"), "unclear")
    assert (code, said["outcome"], desk.calls()) == (0, "same", [])


def test_streams_and_tasks(desk: Desk) -> None:
    """Asynchronous generators, coroutines in parallel."""
    code, said, _ = desk.replay(desk.trace("report"), "report")
    assert (code, said["outcome"], desk.calls()) == (0, "same", [])
    assert said["b"]["output"] == "sales 0 1"
    assert said["calls"]["recorded"] == 3


def test_what_is_inside_of_an_answered_call_is_part_of_its_answer(desk: Desk) -> None:
    """A tool that asks a model: neither its steps nor their cost are gone; called for real, they come again."""
    code, said, _ = desk.replay(desk.trace("deep"), "deep")
    assert (code, said["outcome"], desk.calls()) == (0, "same", [])
    assert said["calls"] == {"recorded": 2, "live": 0, "skipped": 0, "refused": 0, "unused": 0}
    assert (said["a"]["cost_usd"], said["b"]["cost_usd"], said["cost_delta_usd"]) == (0.5, 0.5, 0)
    code, said, _ = desk.replay(desk.trace("deep"), "deep", "--live", "tool:research")
    assert (code, said["outcome"], desk.calls()) == (0, "same", [])
    assert said["calls"] == {"recorded": 4, "live": 2, "skipped": 0, "refused": 0, "unused": 0}


def test_threads_are_answered_and_named_when_left(desk: Desk) -> None:
    """Those that carry nothing too: in this process there is nothing else."""
    _, said, _ = desk.replay(desk.trace("answer"), "threaded")
    assert (said["b"]["output"], desk.calls(), said["threads_left"]) == ("6", [], ["left behind"])


@pytest.mark.parametrize("function", ["haunted", "forked"])
def test_what_one_replay_leaves_behind_is_not_taken_for_the_nexts(desk: Desk, function: str) -> None:
    """Nor does it call anything for real: a thread that goes on asking, a child that comes back too."""
    done = desk.reckon(
        *("replay", "-", "--with", f"tests.replay.versions:{function}", "--format", "json"),
        stdin=f"{desk.trace('answer', 0)} {desk.trace('answer', 1)} {desk.trace('answer', 0)}",
    )
    rows = json.loads(done.stdout)["rows"]
    assert [row["replay_of"] for row in rows] == [desk.trace("answer", 0), desk.trace("answer", 1)]
    outputs = [
        desk.sql(f"select output from spans where trace_id = '{row['trace_id']}' and parent_span_id is null limit 1")
        for row in rows
    ]
    said = ["boo", "boo"] if function == "haunted" else ["LAMP?", "BULB?"]
    assert [output[0]["output"] for output in outputs] == said
    assert desk.calls() == []


def test_code_cannot_leave_the_replays_environment(desk: Desk) -> None:
    """Though it binds another one: else what is no work would be counted as such."""
    _, said, _ = desk.replay(desk.trace("answer"), "posing")
    assert said["b"]["output"] == "LAMP?"
    environments = desk.sql(f"select distinct environment from events where trace_id = '{said['trace_id']}'")
    assert environments == [{"environment": "replay"}]


def test_what_the_application_keeps_is_not_touched(desk: Desk) -> None:
    """Its spool, not even by what the module says as it is imported; nor what its guards remember."""
    before = {path: path.read_bytes() for path in desk.folder.glob("spool*/**/*") if path.is_file()}
    assert any("spool-state" in str(path) for path in before)
    code, said, _ = desk.replay(desk.trace("paid"), "paid")
    assert (code, said["outcome"], said["calls"]["recorded"], desk.calls()) == (0, "same", 2, [])
    code, said, _ = desk.replay(desk.trace("paid"), "paid", "--live", "llm")
    assert (code, said["calls"]["recorded"], desk.calls()) == (0, 1, ["ask thanks"])
    assert {path: path.read_bytes() for path in desk.folder.glob("spool*/**/*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("slow", "it took longer than --timeout"),
        ("stubborn", "it took longer than 1 s, and was killed"),
        ("quits", "it ended its process with code 7"),
        ("fails", "KeyError: 'lamp?'"),
    ],
)
def test_code_that_does_not_come_back(desk: Desk, function: str, reason: str) -> None:
    """The reason is told, and what it had done by then is in the lake."""
    code, said, _ = desk.replay(desk.trace("answer"), function, "--timeout", "1")
    assert (code, said["outcome"], said["reason"]) == (1, "failed", reason)
    if function == "slow":
        assert said["b"]["status"] == "timeout"
        assert [
            s["name"] for s in desk.sql(f"select name from spans where trace_id = '{said['trace_id']}' order by ts")
        ] == ["answer", "plan"]


def test_the_same_error_is_the_same(desk: Desk) -> None:
    """A trace that failed then, and fails so now."""
    code, said, _ = desk.replay(desk.trace("broken"), "breaks")
    assert (code, said["outcome"]) == (0, "same")


@pytest.mark.parametrize(
    ("root", "function", "words", "code", "message", "hint"),
    [
        ("answer", "nosuch", [], 2, "'tests.replay.versions:nosuch' cannot be found", "module:function"),
        ("answer", "desk.pages", [], 2, "does not fit the recorded input (question): it wants text", "--set"),
        ("answer", "answer", ["--live", "tools"], 2, "live is 'tools'", "tool:NAME"),
        ("answer", "answer", ["--missing", "x"], 2, "missing is 'x'", "error, live or skip"),
        ("answer", "answer", ["--set", "question=x"], 2, "is not NAME=JSON", "quotes"),
        ("secret", "echo", [], 3, "was not kept (capture was off)", "--set"),
        ("hello", "hello", [], 3, "was redacted: mail holds [email], password holds [password]", "--masked"),
    ],
)
def test_a_replay_that_cannot_start_writes_nothing(
    desk: Desk, root: str, function: str, words: list[str], code: int, message: str, hint: str
) -> None:
    """What is wrong and what to do; the lake and the disk are as before."""
    before = desk.sql("select count(*) as n from events")
    found, said, _ = desk.replay(desk.trace(root), function, *words)
    assert (found, message in said["error"]["message"], hint in said["error"]["hint"]) == (code, True, True), said
    assert desk.sql("select count(*) as n from events") == before
    assert list((desk.folder / "tmp").iterdir()) == []


def test_a_trace_without_root(desk: Desk) -> None:
    """Nothing says what its input was."""
    code, said, _ = desk.replay("f" * 32, "answer")
    assert code == 3
    assert "has no root: its 2 spans are below aaaaaaaaaaaaaaaa, which never ended" in said["error"]["message"]


def test_what_was_not_kept_can_be_given(desk: Desk) -> None:
    """An argument by name; masks as they are."""
    code, said, _ = desk.replay(desk.trace("secret"), "echo", "--set", 'question="x"')
    assert (code, said["b"]["output"]) == (0, "x")
    code, said, _ = desk.replay(desk.trace("hello"), "hello", "--masked")
    assert (code, said["b"]["output"]) == (0, "to [email]")
    _, said, _ = desk.replay(desk.trace("hello"), "hello", "--set", 'mail="a@b.cd"', "--set", 'password="x"')
    assert said["b"]["output"] == "to a@b.cd"


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        ("guarded", "the 1 call was recorded without arguments to know them by: its recorded input was not kept"),
        ("long", "pages cannot be answered: its recorded output was cut: 8,192 of 20,000 characters were kept"),
        ("charged", "pay is a block, `with emit.span(...)`, whose code cannot be answered from a recording"),
    ],
)
def test_an_answer_that_is_not_there_is_not_made_up(desk: Desk, root: str, reason: str) -> None:
    """Cut, not kept, unclear, or done by a block of code: said exactly."""
    code, said, _ = desk.replay(desk.trace(root), root)
    assert (code, said["outcome"], reason in said["reason"]) == (1, "failed", True), said["reason"]
    assert desk.calls() == []


def test_many_traces(desk: Desk) -> None:
    """By condition or from standard input: a row each, and sums; replays are not replayed again."""
    with_ = ("--with", "tests.replay.versions:answer", "--format", "json")
    done = desk.reckon("replay", "--where", "name in ('answer', 'broken')", *with_)
    said = json.loads(done.stdout)
    assert (done.returncode, said["count"], said["same"], said["different"], said["failed"]) == (1, 3, 2, 0, 1)
    assert [row["outcome"] for row in said["rows"]] == ["failed", "same", "same"]
    assert said["rows"][0]["reason"] == "kb_search is called, and the trace recorded no call of a tool or model"
    ids = f"{desk.trace('answer', 0)}\nnobody\n{desk.trace('answer', 1)}\n"
    done = desk.reckon("replay", "-", *with_, stdin=ids)
    assert [r["outcome"] for r in json.loads(done.stdout)["rows"]] == ["same", "failed", "same"]
    done = desk.reckon("replay", "--where", "name = 'answer'", "--limit", "1", *with_)
    assert (done.returncode, json.loads(done.stdout)["count"]) == (0, 1)
    table = desk.reckon("replay", "--where", "name = 'answer'", *with_[:2], "--format", "table")
    assert "2 replays (same 2" in table.stderr
