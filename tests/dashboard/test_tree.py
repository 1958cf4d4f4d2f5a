"""A trace as a tree, whatever its spans say."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from tests.dashboard.lakes import call, span
from tests.dashboard.steps import step

from deadreckon.dashboard.look.waterfall import DRAWN, measures, title, waterfall
from deadreckon.dashboard.services import tree
from deadreckon.dashboard.services.source import Source
from deadreckon.dashboard.services.tree import Span, grow

Make = Callable[..., Source]


def shape(spans: list[Span]) -> list[tuple[str | None, int]]:
    """Names and depths in the order of drawing."""
    return [(row.span.span_id, row.depth) for row in grow(spans).rows]


def test_children_follow_their_parents_in_order_of_time() -> None:
    """However the spans come, each is under its parent, the earlier first."""
    spans = [step("c", "a", 30), step("d", "b", 20), step("a", None, 0), step("b", "a", 10)]
    assert shape(spans) == [("a", 0), ("b", 1), ("d", 2), ("c", 1)]


def test_a_missing_parent_makes_a_root_adrift() -> None:
    """A span whose parent never arrived is drawn, and marked."""
    rows = grow([step("a", None, 0), step("b", "gone", 5)]).rows
    assert [(row.span.span_id, row.depth, row.adrift) for row in rows] == [("a", 0, False), ("b", 0, True)]
    assert title(rows[1]).startswith("⚠")


def test_circles_are_drawn_once() -> None:
    """Spans that are each other's parents, or their own, are all drawn, once."""
    assert {name for name, _ in shape([step("a", "b"), step("b", "a"), step("c", "c")])} == {"a", "b", "c"}


def test_one_id_twice() -> None:
    """A span that was logged twice under one ID is two lines; the children hang under the first."""
    assert shape([step("a", None, 0), step("a", None, 1), step("b", "a", 2)]) == [("a", 0), ("b", 1), ("a", 0)]


def test_a_clock_that_runs_ahead() -> None:
    """A child that begins before its parent moves the beginning of the trace, and no time is negative."""
    grown = grow([step("a", None, 100, 50), step("b", "a", 40, 10)])
    assert [(row.start_ms, row.end_ms) for row in grown.rows] == [(60, 110), (0, 10)]
    assert grown.length_ms == 110


def test_durations_that_are_none() -> None:
    """A span without a duration, or with one below zero, is a line where it began."""
    rows = grow([step("a", None, 0, None), step("b", "a", 5, -3)]).rows
    assert [(row.start_ms, row.end_ms) for row in rows] == [(0, 0), (5, 5)]


def test_a_thousand_levels() -> None:
    """A chain deeper than Python's stack is drawn, and its depth is told in digits."""
    spans = [step(str(i), str(i - 1) if i else None, i) for i in range(3000)]
    grown = grow(spans)
    assert [row.depth for row in grown.rows] == list(range(3000))
    assert "(2999)" in title(grown.rows[-1])
    assert len(waterfall(grown)["layer"][0]["data"]["values"]) == DRAWN


@given(
    st.lists(
        st.tuples(
            st.none() | st.sampled_from("abcdef"),
            st.none() | st.sampled_from("abcdefx"),
            st.integers(-5, 5),
            st.none() | st.floats(-1, 100),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_any_spans_are_all_drawn_once(facts: list[tuple[str | None, str | None, int, float | None]]) -> None:
    """Whatever IDs, parents and times: every span is on one line, below its parent and at most one level deeper."""
    spans = [step(*fact) for fact in facts]
    grown = grow(spans)
    assert sorted(id(row.span) for row in grown.rows) == sorted(id(one) for one in spans)
    assert grown.rows[0].depth == 0
    assert all(b.depth <= a.depth + 1 for a, b in zip(grown.rows, grown.rows[1:], strict=False))
    assert min(row.start_ms for row in grown.rows) == 0
    assert all(0 <= row.start_ms <= row.end_ms <= grown.length_ms for row in grown.rows)


def test_cost_is_of_model_calls_alone(source: Make) -> None:
    """An agent's span that repeats what its calls used has no tokens and no cost of its own in the tree."""
    asked = source(
        span("t", "root", 0, operation="invoke_agent", input_tokens=30, output_tokens=10, cost_usd=0.03),
        call("t", "one", 0.01, parent_span_id="root"),
        call("t", "two", 0.02, parent_span_id="root", cost_usd=None, input_tokens=None, output_tokens=None),
    )
    grown = tree.tree_of(asked, "t")
    assert grown is not None
    costs = {row.span.span_id: (row.span.cost_usd, row.span.input_tokens) for row in grown.rows}
    assert costs == {"root": (None, None), "one": (0.01, 10), "two": (None, None)}
    assert grown.unpriced == 1
    assert "10 → 5 tok · $0.01" in measures(grown.rows[1].span)
    assert "unpriced" in measures(grown.rows[2].span)


def test_no_such_trace(source: Make) -> None:
    """An ID that no span carries has no tree."""
    assert tree.tree_of(source(span("t", "s", 0)), "u") is None


def test_long_content_is_cut_and_said_to_be(source: Make) -> None:
    """A long input is read up to the limit; its whole length is known."""
    asked = source(call("t", "s", 0, input="x" * 30_000, output={"a": [1]}, note="kept"))
    grown = tree.tree_of(asked, "t")
    assert grown is not None
    content = tree.content_of(asked, "t", grown.rows[0].span.event_id)
    assert content is not None
    assert content.input is not None
    assert len(content.input) <= tree.CUT
    assert content.input_length == 30_000
    assert content.output == '{"a":[1]}'
    assert "kept" in (content.attributes or "")
    assert tree.content_of(asked, "t", "gone") is None


def test_notes_are_the_other_events(source: Make) -> None:
    """Decisions, contracts and feedback of the trace or its request stand beside the spans, in order of time."""
    asked = source(
        call("t", "s", 0, request_id="r"),
        {"ts": "2026-10-01T12:00:01Z", "kind": "decision", "name": "route", "choice": "refund", "trace_id": "t"},
        {"ts": "2026-10-01T12:00:02Z", "kind": "contract", "name": "no secrets", "passed": False, "trace_id": "t"},
        {"ts": "2026-10-01T12:00:03Z", "kind": "feedback", "name": "thumb", "label": "down", "request_id": "r"},
        {"ts": "2026-10-01T12:00:04Z", "kind": "feedback", "name": "thumb", "label": "up", "request_id": "other"},
    )
    notes = tree.notes_of(asked, "t", "r")
    assert [(n.kind, n.what, n.result) for n in notes] == [
        ("decision", "route", "refund"),
        ("contract", "no secrets", "broken"),
        ("feedback", "thumb", "down"),
    ]
