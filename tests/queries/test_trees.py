"""The views over trees of spans: places, times, agents, loops, paths and tools, however odd the spans are."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.queries.asking import Ask, answers, ask
from tests.queries.lakes import Row, at, make_lake

from deadreckon.core.settings import Settings
from deadreckon.queries.connection import binding_of
from deadreckon.queries.engine import Engine, Limits
from deadreckon.queries.tree import grow

__all__ = ["ask"]
START = at("12")
EMPTY = dict.fromkeys(("event", "operation", "tool", "status", "error_type"))


def later(ms: float) -> datetime:
    """So many milliseconds after the start."""
    return START + timedelta(milliseconds=ms)


def span(span_id: str, begin: float, end: float, parent: str | None = None, **fields: Any) -> dict[str, Any]:
    """A span of trace t, from and to so many milliseconds after the start."""
    own = {"event_id": f"e-{span_id}", "kind": "span", "trace_id": "t", "span_id": span_id, "name": span_id}
    times = {"ts": later(begin), "duration_ms": float(end - begin), "parent_span_id": parent}
    return {**own, **times, **fields}


PLACES = "SELECT span_id, depth, path, note FROM span_tree ORDER BY ALL"
TIMES = "SELECT span_id, self_ms, critical_ms, critical_self_ms FROM span_tree ORDER BY 1"


# Places


def test_a_span_stands_on_the_path_of_its_parents(ask: Ask) -> None:
    """Depth and names from the root, in whatever order the spans were written."""
    rows = [span("c", 2, 3, "b"), span("b", 1, 4, "a"), span("a", 0, 10), span("d", 5, 6, "a", name=None, tool="find")]
    assert ask(PLACES, rows) == [
        ("a", 0, "a", None),
        ("b", 1, "a > b", None),
        ("c", 2, "a > b > c", None),
        ("d", 1, "a > find", None),
    ]
    assert ask("SELECT count(DISTINCT root_event_id), sum(children) FROM span_tree", rows) == [(1, 3)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([span("b", 0, 1, "gone")], [("b", 0, "b", "parent missing")]),
        ([span("a", 0, 1, "a")], [("a", None, "a", "circle")]),
        (
            [span("a", 0, 1, "b"), span("b", 0, 1, "a"), span("c", 0, 1, "b")],
            [("a", None, "a", "circle"), ("b", None, "b", "circle"), ("c", None, "c", "circle")],
        ),
        (
            [span("a", 0, 9), span("a", 1, 2, event_id="again", name="copy"), span("b", 1, 2, "a")],
            [("a", 0, "a", None), ("a", 0, "copy", "id repeated"), ("b", 1, "a > b", None)],
        ),
        ([span("a", 0, 1, trace_id=None)], [("a", 0, "a", "no trace")]),
        ([{**span(s, 0, 1), "span_id": None} for s in "ab"], [(None, 0, "a", None), (None, 0, "b", None)]),
        ([span("a", 5, 2)], [("a", 0, "a", "ends before it starts")]),
        ([span("a", 0, 1, duration_ms=None)], [("a", 0, "a", "no duration")]),
        ([span("a", 0, 1, duration_ms=float("inf"))], [("a", 0, "a", "no duration")]),
        (
            [span("a", 0, 0, status="running", duration_ms=None), span("b", 1, 5, "a")],
            [("a", 0, "a", "never ended"), ("b", 1, "a > b", None)],
        ),
        (
            [span("a", 0, 0, status="running", event_id="begun", duration_ms=None), span("a", 0, 5)],
            [("a", 0, "a", None)],
        ),
        (
            [span("a", -1000, 1000, ts=at("11 23:59:59")), span("b", 100, 200, "a")],
            [("a", 0, "a", None), ("b", 1, "a > b", None)],
        ),
    ],
)
def test_every_odd_span_has_one_place_and_says_what_is_odd(
    ask: Ask, rows: list[Row], expected: list[tuple[Any, ...]]
) -> None:
    """Missing parents, circles, repeated ids, endless or backward spans, midnight: one row each, with a note."""
    assert ask(PLACES, rows) == sorted(expected, key=lambda r: (r[0] is None, r))


def test_a_trace_too_deep_for_engines_is_cut_and_said(ask: Ask) -> None:
    """98 levels are followed; what is below is there, without its depth."""
    rows = [span(f"{i:03}", i, 200, f"{i - 1:03}" if i else None) for i in range(120)]
    said = ask("SELECT count(*), max(depth), count(*) FILTER (WHERE note = 'too deep') FROM span_tree", rows)
    assert said == [(120, 98, 21)]
    assert ask("SELECT path FROM span_tree WHERE span_id = '119'", rows) == [("... > 119",)]


def test_content_of_ten_megabytes_is_no_trouble(ask: Ask) -> None:
    """Neither a tree nor a loop carries it along."""
    huge = "x" * 10_000_000
    rows = [
        span("a", 0, 10, name=huge, attributes='{"a":"' + huge + '"}'),
        *(span(s, 1, 2, "a", tool="find", input=huge) for s in ("b", "c")),
    ]
    assert ask("SELECT max(length(path)), count(*) FROM span_tree", rows) == [(204, 3)]
    assert ask("SELECT calls, length(input_start) FROM loops", rows) == [(2, 200)]


def test_many_spans_take_little_memory(tmp_path: Path) -> None:
    """A hundred thousand spans of one trace within 200 MB: keys are numbers, and only spans with children recur."""
    rows = [
        span(f"{i:016x}", i, 10**6 - i, f"{(i - 1) // 10:016x}" if i else None, trace_id="t" * 32, agent="a" * 20)
        for i in range(100_000)
    ]
    lake = make_lake(tmp_path / "lake", ({**row, "event_id": f"{i:036}"} for i, row in enumerate(rows)))
    limits = Settings.model_validate({"query": {"memory_limit": "200MB", "threads": 2}})
    engine = Engine(binding_of(lake.snapshot(), limits), Limits(**limits.query.model_dump()))
    try:
        sql = "SELECT count(*), max(depth), sum(children), sum(length(path)), max(hash(t)) > 0 FROM span_tree t"
        assert engine.answer(sql, {}).rows == [(100_000, 5, 99_999, 10_865_445, True)]
    finally:
        engine.close()


# Times


def test_self_time_leaves_out_what_children_took_once(ask: Ask) -> None:
    """Parallel children that overlap are not taken off twice, and a child counts only while its parent ran."""
    rows = [span("a", 0, 100), span("b", 10, 50, "a"), span("c", 30, 60, "a"), span("d", 90, 200, "a")]
    assert [(r[0], r[1]) for r in ask(TIMES, rows)] == [("a", 40.0), ("b", 40.0), ("c", 30.0), ("d", 110.0)]
    backward = [span("a", 0, 100), span("b", 50, 20, "a"), span("c", 150, 160, "a")]
    assert [(r[0], r[1]) for r in ask(TIMES, backward)] == [("a", 100.0), ("b", None), ("c", 10.0)]


def test_the_critical_path_runs_through_what_ends_last(ask: Ask) -> None:
    """Of children in parallel the trace waits for the last to end; before that one began, for the other."""
    rows = [span("a", 0, 100), span("b", 10, 50, "a"), span("c", 30, 90, "a"), span("d", 20, 40, "b")]
    assert ask(TIMES, rows) == [
        ("a", 20.0, 100.0, 20.0),
        ("b", 20.0, 20.0, 10.0),
        ("c", 60.0, 60.0, 60.0),
        ("d", 20.0, 10.0, 10.0),
    ]
    path = ask("SELECT span_id, critical_share FROM critical_path ORDER BY 1", rows)
    assert path == [("a", 0.2), ("b", 0.1), ("c", 0.6), ("d", 0.1)]


def test_a_child_that_outlives_its_parent_was_not_waited_for(ask: Ask) -> None:
    """It gives way to those that end in time and to what begins after it; past its parent's end it is off the path."""
    rows = [span("a", 0, 100), span("sync", 20, 80, "a"), span("background", 10, 500, "a")]
    assert [(r[0], r[2], r[3]) for r in ask(TIMES, rows)] == [
        ("a", 100.0, 30.0),
        ("background", 10.0, 10.0),
        ("sync", 60.0, 60.0),
    ]
    late = [span("a", 0, 100), span("after", 150, 200, "a")]
    assert [(r[0], r[2]) for r in ask(TIMES, late)] == [("a", 100.0), ("after", 0.0)]
    timed_out = [span("a", 0, 100), span("first", 0, 10, "a"), span("call", 20, 300, "a")]
    assert [(r[0], r[2], r[3]) for r in ask(TIMES, timed_out)] == [
        ("a", 100.0, 10.0),
        ("call", 80.0, 80.0),
        ("first", 10.0, 10.0),
    ]
    several = [span("a", 0, 100), span("one", 0, 300, "a"), span("two", 40, 200, "a"), span("in", 30, 60, "a")]
    assert [(r[0], r[3]) for r in ask(TIMES, several)] == [("a", 0.0), ("in", 30.0), ("one", 30.0), ("two", 40.0)]
    skewed = [span("a", 0, 100), span("call", 20, 101, "a")]
    assert [(r[0], r[3]) for r in ask(TIMES, skewed)] == [("a", 20.0), ("call", 80.0)]


def test_a_span_that_never_ended_is_followed_to_the_last_known_end(ask: Ask) -> None:
    """A process that was killed leaves an open root: what is in it is on the path, its own duration is not known."""
    rows = [span("a", 0, 0, status="running", duration_ms=None), span("b", 10, 50, "a"), span("c", 50, 70, "a")]
    assert ask(TIMES, rows) == [("a", None, 70.0, 10.0), ("b", 40.0, 40.0, 40.0), ("c", 20.0, 20.0, 20.0)]


def critical_by_hand(spans: list[dict[str, Any]]) -> dict[str, float]:
    """The definition, millisecond by millisecond: from the roots down, the running child that ends last."""
    ends = {s["span_id"]: (s["ts"] - START).total_seconds() * 1000 + s["duration_ms"] for s in spans}
    begins = {s["span_id"]: (s["ts"] - START).total_seconds() * 1000 for s in spans}
    children: dict[str | None, list[str]] = {}
    for s in spans:
        children.setdefault(s["parent_span_id"], []).append(s["span_id"])
    waited = dict.fromkeys(ends, 0.0)
    for ms in range(60):
        below: list[str] = children.get(None, [])
        limit, now = float("inf"), None
        while True:
            live = [c for c in below if begins[c] <= ms < min(ends[c], limit)]
            if not live:
                break
            now = min(live, key=lambda c: (-min(ends[c], limit), begins[c], f"e-{c}"))
            limit = min(limit, ends[now])
            below = children.get(now, [])
        if now is not None:
            waited[now] += 1.0
    return waited


@st.composite
def traces(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A trace whose children end with their parents at the latest, in whole milliseconds."""
    made = [span("s0", 0, 50)]
    window = {"s0": (0, 50)}
    for i in range(1, draw(st.integers(1, 9))):
        parent = draw(st.sampled_from(sorted(window)))
        low, high = window[parent]
        begin = draw(st.integers(low, high))
        window[f"s{i}"] = (begin, draw(st.integers(begin, high)))
        made.append(span(f"s{i}", *window[f"s{i}"], parent))
    return made


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(traces(), min_size=8, max_size=8))
def test_times_are_what_their_definitions_say(tmp_path_factory: pytest.TempPathFactory, many: list[Any]) -> None:
    """Against the definition millisecond by millisecond, for any tree; on the path every moment is counted once."""
    rows = [
        {**s, "trace_id": f"t{i}", "event_id": f"{i}-{s['event_id']}"} for i, trace in enumerate(many) for s in trace
    ]
    sql = "SELECT trace_id, span_id, self_ms, critical_self_ms FROM span_tree"
    said = {(t, s): (own, waited) for t, s, own, waited in answers(tmp_path_factory.mktemp("l") / "l", sql, rows)}
    for i, trace in enumerate(many):
        expected = critical_by_hand(trace)
        grown = grow(f"t{i}", [{**EMPTY, **s} for s in trace], {})
        assert {n.event["span_id"]: n.critical_self_ms for n in grown.nodes} == expected
        assert {n.event["span_id"]: n.self_ms for n in grown.nodes} == {s: said[f"t{i}", s][0] for s in expected}
        assert {s: said[f"t{i}", s][1] for s in expected} == expected
        assert sum(expected.values()) == 50.0
        for s in trace:
            begin = round((s["ts"] - START).total_seconds() * 1000)
            inside = [c for c in trace if c["parent_span_id"] == s["span_id"]]
            free = [
                ms
                for ms in range(begin, begin + round(s["duration_ms"]))
                if not any(0 <= ms - round((c["ts"] - START).total_seconds() * 1000) < c["duration_ms"] for c in inside)
            ]
            assert said[f"t{i}", s["span_id"]][0] == len(free)


# What is made of trees


def chat(span_id: str, begin: float, end: float, parent: str | None = None, **fields: Any) -> dict[str, Any]:
    """A call of a language model."""
    return span(span_id, begin, end, parent, **{"operation": "chat", "model": "fox", "model_version": "1", **fields})


def agent(span_id: str, begin: float, end: float, parent: str | None = None, **fields: Any) -> dict[str, Any]:
    """A turn of an agent."""
    return span(span_id, begin, end, parent, **{"operation": "invoke_agent", "agent": span_id, **fields})


TEAM = [
    agent("boss", 0, 100, session_id="s1", cost_usd=9.0),
    chat("think", 0, 20, "boss", cost_usd=1.0, input_tokens=10, output_tokens=2),
    agent("scout", 20, 90, "boss", status="error"),
    agent("inner", 30, 40, "scout", agent="scout"),
    span("find", 30, 35, "inner", tool="find", attempt=2),
    chat("read", 50, 60, "scout", cost_usd=0.5, input_tokens=5),
    {"kind": "prediction", "trace_id": "t", "span_id": "find", "model": "rank", "ts": START},
    chat("lone", 0, 10, trace_id="u", cost_usd=2.0),
]


def test_everything_belongs_to_one_agent(ask: Ask) -> None:
    """The agent named, else the nearest above; an agent within itself is one turn; sessions come down the tree too."""
    sql = """
        SELECT agent, session_id, spans, turns, llm_calls, model_calls, tool_calls, cost_usd, failed_spans, retries,
            duration_ms
        FROM agent_sessions ORDER BY 1 NULLS LAST
    """
    assert ask(sql, TEAM) == [
        ("boss", "s1", 2, 1, 1, 1, 0, 1.0, 0, 0, 100.0),
        ("scout", "s1", 4, 1, 1, 2, 1, 0.5, 1, 1, 70.0),
        (None, None, 1, 1, 1, 1, 0, 2.0, 0, 0, 10.0),
    ]
    assert ask("SELECT agent, sessions, turns, error_rate, mean_turn_ms FROM agents ORDER BY 1 NULLS LAST", TEAM) == [
        ("boss", 1, 1, 0.0, 100.0),
        ("scout", 1, 1, 1.0, 70.0),
        (None, 0, 1, 0.0, 10.0),
    ]


def test_agents_add_up_to_all_calls_and_spans(ask: Ask) -> None:
    """Counted once, whatever repeats the totals, shares an id or goes round in a circle."""
    odd = [
        chat("x", 0, 1, "y", cost_usd=1.0),
        chat("y", 0, 1, "x", cost_usd=1.0),
        chat("think", 5, 6, "boss", cost_usd=4.0, event_id="copy"),
        span("open", 0, 0, status="running", duration_ms=None),
    ]
    sums = "SELECT sum(spans), sum(model_calls), sum(cost_usd) FROM agents"
    every = "SELECT (SELECT count(*) + 1 FROM spans), count(*), sum(cost_usd) FROM model_calls"
    assert ask(sums, [*TEAM, *odd]) == ask(every, [*TEAM, *odd])


def test_paths_add_up_where_time_and_money_go(ask: Ask) -> None:
    """One row a path over all traces; self time and time waited for add up to the traces'."""
    rows = [*TEAM, *({**s, "trace_id": "v", "event_id": f"v{i}"} for i, s in enumerate(TEAM[:6]))]
    sql = "SELECT path, spans, leaves, traces, failed, self_ms, p95_ms, cost_usd FROM paths ORDER BY depth, path"
    assert ask(sql, rows) == [
        ("boss", 2, 0, 2, 0, 20.0, 100.0, None),
        ("lone", 1, 1, 1, 0, 10.0, 10.0, 2.0),
        ("boss > scout", 2, 0, 2, 2, 100.0, 70.0, None),
        ("boss > think", 2, 2, 2, 0, 40.0, 20.0, 2.0),
        ("boss > scout > inner", 2, 0, 2, 0, 10.0, 10.0, None),
        ("boss > scout > read", 2, 2, 2, 0, 20.0, 10.0, 1.0),
        ("boss > scout > inner > find", 2, 2, 2, 0, 10.0, 5.0, None),
    ]
    assert ask("SELECT sum(critical_ms) FROM paths", rows) == [(210.0,)]


def test_loops_are_the_same_call_again(ask: Ask) -> None:
    """Same tool, same arguments, same trace; all but the one of use are wasted. Other arguments or traces are none."""
    find = {"tool": "find", "operation": "execute_tool", "input": '{"q":1}'}
    rows = [
        span("a", 0, 10, **find, status="timeout", cost_usd=0.5),
        span("b", 10, 15, **find, attempt=2, cost_usd=0.25),
        span("c", 20, 40, **find, cost_usd=0.25),
        span("d", 50, 60, **{**find, "input": '{"q":2}'}),
        span("e", 50, 60, **{**find, "tool": "other"}),
        span("f", 50, 60, **find, trace_id="u"),
        *(span(s, 50, 60, **{**find, "input": None}) for s in "gh"),
        *(span(s, 60, 65, **{**find, "input": None}, input_hash="ab") for s in "ij"),
        *(chat(s, 70, 80, input="hello", cost_usd=0.5) for s in "kl"),
    ]
    sql = """
        SELECT kind, what, calls, failed, retries, first_span_id, last_span_id, total_ms, wasted_ms, wasted_usd
        FROM loops ORDER BY first_ts
    """
    assert ask(sql, rows) == [
        ("tool", "find", 3, 1, 1, "a", "c", 35.0, 30.0, 0.75),
        ("tool", "find", 2, 0, 0, "i", "j", 10.0, 5.0, None),
        ("model", "fox", 2, 0, 0, "k", "l", 20.0, 10.0, 0.5),
    ]


def test_tools_are_summed_up_by_day_and_version(ask: Ask) -> None:
    """The version is that of the model which called; midnight divides days by when a call began."""
    find = {"tool": "find", "operation": "execute_tool"}
    rows = [
        chat("m", 0, 10, model_version="7"),
        span("a", 0, 10, **find, cost_usd=0.5),
        span("b", 0, 30, **find, status="error", error_type="Boom", attempt=2),
        span("c", 0, 30, **find, status="cancelled"),
        span("d", 0, 4000, **find, ts=at("12 23:59:59")),
        span("e", 0, 5, **find, trace_id="u", model_version="8"),
        span("f", 0, 5, **find, trace_id="w"),
    ]
    sql = """
        SELECT date::VARCHAR, model_version, calls, failed, error_rate, retries, p50_ms, cost_usd, error_type
        FROM tool_summary ORDER BY model_version NULLS LAST
    """
    assert ask(sql, rows) == [
        ("2026-06-12", "7", 4, 1, pytest.approx(1 / 3), 1, 30.0, 0.5, "Boom"),
        ("2026-06-12", "8", 1, 0, 0.0, 0, 5.0, None, None),
        ("2026-06-12", None, 1, 0, 0.0, 0, 5.0, None, None),
    ]
