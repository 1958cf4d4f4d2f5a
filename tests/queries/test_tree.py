"""Trees of traces: every event in one place, whatever its parents are."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.queries.lakes import at

from deadreckon.queries.tree import Tree, grow

EMPTY = dict.fromkeys(
    (
        *("name", "event", "operation", "tool", "status", "error_type", "duration_ms", "parent_span_id", "span_id"),
        *("input_tokens", "output_tokens", "cost_usd", "attempt", "model"),
    )
)


def event(number: int, span_id: str | None, parent: str | None, kind: str = "span", **fields: Any) -> dict[str, Any]:
    """An event with the columns that trees look at."""
    row = {"event_id": f"e{number:04}", "ts": at(f"1 00:{number // 60 % 60:02}:{number % 60:02}"), "kind": kind}
    return (
        EMPTY | row | {"span_id": span_id, "parent_span_id": parent, "name": f"n{number}", "duration_ms": 0.0} | fields
    )


def shape(tree: Tree) -> list[tuple[int, str, str]]:
    """Depth, name and note of each node, in reading order."""
    return [(n.depth, n.name, n.note) for n in tree.nodes]


def test_children_follow_their_parents_in_order_of_time() -> None:
    """A tree reads from top to bottom."""
    events = [event(3, "c", "a"), event(1, "a", None), event(2, "b", "a"), event(4, "d", "b")]
    assert shape(grow("t", events, {})) == [(0, "n1", ""), (1, "n2", ""), (2, "n4", ""), (1, "n3", "")]


def test_a_missing_parent_makes_a_root_that_says_so() -> None:
    """Spans of another service may not have arrived, or never will."""
    assert shape(grow("t", [event(1, "a", None), event(2, "b", "gone")], {})) == [
        (0, "n1", ""),
        (0, "n2", "parent missing"),
    ]


def test_a_circle_is_cut_open_at_its_earliest_span() -> None:
    """Spans that are each other's parents are shown, once each."""
    events = [event(2, "b", "a"), event(1, "a", "c"), event(3, "c", "b"), event(4, "d", "d")]
    assert shape(grow("t", events, {})) == [(0, "n1", "circle"), (1, "n2", ""), (2, "n3", ""), (0, "n4", "circle")]


def test_two_spans_with_one_id_are_both_shown() -> None:
    """The first keeps the children."""
    events = [event(1, "a", None), event(2, "a", None), event(3, "b", "a")]
    assert shape(grow("t", events, {})) == [(0, "n1", ""), (1, "n3", ""), (0, "n2", "id repeated")]


def test_what_is_odd_about_a_spans_end_is_said() -> None:
    """One that never ended holds its children; its begin beside its end is no second span."""
    events = [
        event(1, "a", None, status="running", duration_ms=None),
        event(2, "b", "a", duration_ms=-5.0),
        event(3, "c", "a", duration_ms=float("inf")),
        event(4, "d", "a", duration_ms=2000.0),
        event(4, "d", "a", status="running", event_id="e0005", duration_ms=None),
    ]
    tree = grow("t", events, {})
    assert shape(tree) == [
        (0, "n1", "never ended"),
        (1, "n2", "ends before it starts"),
        (1, "n3", "no duration"),
        (1, "n4", ""),
    ]
    assert tree.duration_ms == 5000.0
    assert [(n.self_ms, n.critical_ms, n.critical_self_ms) for n in tree.nodes] == [
        (None, 5000.0, 3000.0),
        (None, 0.0, 0.0),
        (None, 0.0, 0.0),
        (2000.0, 2000.0, 2000.0),
    ]


def test_other_events_stand_in_the_span_in_which_they_were_written() -> None:
    """A decision or a contract hangs on its span; without one it stands at the top."""
    events = [
        event(1, "a", None),
        event(2, "a", None, "decision"),
        event(3, None, None, "score"),
        event(4, "x", None, "log"),
    ]
    assert shape(grow("t", events, {})) == [(0, "n1", ""), (1, "n2", ""), (0, "n3", ""), (0, "n4", "")]


def test_a_tree_as_deep_as_it_gets_is_no_trouble() -> None:
    """Ten thousand spans in a row: nothing recurses."""
    events = [event(i, f"s{i}", f"s{i - 1}" if i else None) for i in range(3000)]
    tree = grow("t", events, {})
    assert tree.nodes[-1].depth == 2999
    assert tree.nodes[-1].last[1:] == (True,) * 2999


def test_sums_are_of_model_calls_alone() -> None:
    """A root that repeats the totals adds nothing."""
    events = [
        event(1, "a", None, input_tokens=30, cost_usd=9.0),
        event(2, "b", "a", input_tokens=10),
        event(3, "c", "a", input_tokens=None),
    ]
    costs = {
        "e0002": {"cost_usd": 1.0, "cost_source": "reported"},
        "e0003": {"cost_usd": None, "cost_source": "unpriced"},
    }
    tree = grow("t", events, costs)
    assert (tree.cost_usd, tree.total("input_tokens"), tree.total("output_tokens")) == (1.0, 10, None)


def test_no_events_make_an_empty_tree() -> None:
    """A trace of which nothing is left."""
    assert grow("t", [], {}).nodes == []


IDS = st.sampled_from(["a", "b", "c", "d", "e", "", None])


@given(st.lists(st.tuples(IDS, IDS, st.sampled_from(["span", "log"])), max_size=30))
def test_every_event_is_shown_exactly_once(links: list[tuple[str | None, str | None, str]]) -> None:
    """Any links at all: no event is lost or repeated, and depths never jump."""
    events = [event(i, own, parent, kind) for i, (own, parent, kind) in enumerate(links)]
    tree = grow("t", events, {})
    assert sorted(n.event["event_id"] for n in tree.nodes) == [e["event_id"] for e in events]
    depths = [n.depth for n in tree.nodes]
    assert depths[:1] in ([], [0])
    assert all(after <= before + 1 for before, after in itertools.pairwise(depths))
    assert all(len(n.last) == n.depth + 1 for n in tree.nodes)
