"""How one window moves an alert to its next state."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.monitor.lakes import rule

from deadreckon.monitor.stream import WHOLE_RULE, Reading, advance, fail, key_of, labels_of, transition

NOTHING = None


def walk(of, values, *, n=100, alive=True, before=None, start=0):
    """The streams that a rule goes through over windows with these values; None is a window without events."""
    found = []
    for place, value in enumerate(values):
        reading = None if value is NOTHING else Reading({}, value, n)
        before = advance(of, before, start + (place + 1) * of.step, reading, key=WHOLE_RULE, alive=alive)
        found.append(before)
    return found


def states(of, values, **keys):
    return [s.state for s in walk(of, values, **keys)]


def test_a_breach_fires_at_once_and_resolves_when_it_ends():
    """Without `for` there is no waiting, and resolved stays until something else happens."""
    of = rule(metric="latency_p95_ms", above=10)
    assert states(of, [5, 11, 12, 10, 5]) == ["ok", "firing", "firing", "resolved", "resolved"]


def test_the_threshold_itself_is_no_breach():
    """Above means greater than, below means smaller than."""
    assert states(rule(metric="event_count", above=10), [10]) == ["ok"]
    assert states(rule(metric="event_count", below=10), [10, 9]) == ["ok", "firing"]


def test_both_bounds_make_a_corridor():
    """A value outside of either fires, and names the bound that it broke."""
    found = walk(rule(metric="event_count", above=10, below=5), [7, 11, 7, 3])
    assert [(s.state, s.threshold) for s in found[1:]] == [("firing", 10), ("resolved", 5), ("firing", 5)]


def test_for_makes_it_wait_and_a_single_good_window_starts_over():
    """With every 5m and for 10m the third breached window in a row fires."""
    of = rule(metric="latency_p95_ms", above=10, for_="10m")
    assert states(of, [11, 11, 11]) == ["pending", "pending", "firing"]
    assert states(of, [11, 11, 5, 11, 11, 11]) == ["pending", "pending", "ok", "pending", "pending", "firing"]


def test_a_clear_threshold_keeps_an_alert_from_flapping():
    """Between clear_above and above a firing alert keeps firing and a quiet one stays quiet."""
    of = rule(metric="latency_p95_ms", above=10, clear_above=8)
    assert states(of, [9, 11, 9, 9, 8, 9]) == ["ok", "firing", "firing", "firing", "resolved", "resolved"]


def test_pending_needs_a_breach_in_every_window():
    """A value in the band between the thresholds is no breach, so it ends the waiting."""
    of = rule(metric="latency_p95_ms", above=10, clear_above=8, for_="5m")
    assert states(of, [11, 9, 11, 11]) == ["pending", "ok", "pending", "firing"]


def test_missing_data_are_never_ok():
    """No events, too few, null and NaN are all no data."""
    of = rule(metric="latency_p95_ms", above=10, min_count=5)
    assert states(of, [NOTHING]) == ["no_data"]
    assert states(of, [5], n=4) == ["no_data"]
    assert states(of, [5], n=5) == ["ok"]
    assert states(of, [math.nan]) == ["no_data"]
    reading = Reading({}, None, 100)
    assert advance(of, None, 300, reading, key=WHOLE_RULE, alive=True).state == "no_data"


def test_infinity_is_a_value():
    """A ratio over zero is above every bound."""
    assert states(rule(metric="latency_p95_ms", above=10), [math.inf]) == ["firing"]
    assert states(rule(metric="latency_p95_ms", below=10), [-math.inf]) == ["firing"]


def test_an_alert_whose_data_vanish_is_neither_resolved_nor_forgotten():
    """It comes back as firing without waiting again, or as resolved, and says since when it is open."""
    of = rule(metric="latency_p95_ms", above=10, for_="5m")
    found = walk(of, [11, 11, NOTHING, NOTHING, 11])
    assert [s.state for s in found] == ["pending", "firing", "no_data", "no_data", "firing"]
    assert [s.active_since for s in found] == [None, 600, 600, 600, 600]
    assert states(of, [11, 11, NOTHING, 5]) == ["pending", "firing", "no_data", "resolved"]


def test_missing_data_end_the_waiting():
    """What is not known to be breached does not count towards `for`."""
    of = rule(metric="latency_p95_ms", above=10, for_="5m")
    assert states(of, [11, NOTHING, 11, 11]) == ["pending", "no_data", "pending", "firing"]


@pytest.mark.parametrize(
    ("policy", "alive", "expected"),
    [
        ("no_data", True, ["no_data", "no_data"]),
        ("ok", True, ["ok", "ok"]),
        ("firing", True, ["pending", "firing"]),
        ("ok", False, ["no_data", "no_data"]),
        ("firing", False, ["pending", "firing"]),
    ],
)
def test_the_policy_says_what_missing_data_are_but_a_dead_lake_is_never_ok(policy, alive, expected):
    """`ok` holds while other events arrive: an empty lake has nothing to say."""
    of = rule(metric="latency_p95_ms", above=10, for_="5m", no_data=policy)
    assert states(of, [NOTHING, NOTHING], alive=alive) == expected


def test_a_value_from_a_dead_lake_is_believed_only_when_it_is_bad():
    """SQL can give a value with no event in the window; a good one is not proof of health."""
    of = rule(sql="SELECT 1 AS value", above=10)
    assert states(of, [5, 11], alive=False) == ["no_data", "firing"]


def test_freshness_needs_no_events_in_the_window():
    """The age of the newest event is known however old it is."""
    assert states(rule(metric="freshness_s", above=600), [500, 700], alive=False) == ["ok", "firing"]


def test_a_stream_that_begins_well_is_no_news():
    """Ok at first sight is no transition; every other first sight is."""
    of = rule(metric="latency_p95_ms", above=10)
    (good,), (bad,) = walk(of, [5]), walk(of, [11])
    assert transition(None, good) is None
    assert transition(None, bad).previous is None


def test_a_gap_between_evaluations_ends_the_waiting():
    """When windows were skipped, nobody knows whether they were breached."""
    of = rule(metric="latency_p95_ms", above=10, for_="5m")
    (before,) = walk(of, [11])
    after = advance(of, before, 900, Reading({}, 11, 100), key=WHOLE_RULE, alive=True)
    assert (after.state, after.since) == ("pending", 900)


def test_labels_are_the_same_in_any_order():
    """An identity does not depend on the order in which SQL names its columns."""
    assert key_of({"b": "1", "a": None}) == key_of({"a": None, "b": "1"})
    assert labels_of(key_of({"b": "1", "a": None})) == {"a": None, "b": "1"}


VALUES = st.lists(
    st.one_of(st.none(), st.just(math.nan), st.sampled_from([0.0, 7.9, 8.0, 9.0, 10.0, 11.0, math.inf])), max_size=40
)
RULES = st.builds(
    lambda wait, clear, policy: rule(
        metric="latency_p95_ms", above=10, clear_above=clear, for_=f"{wait}m", no_data=policy
    ),
    st.sampled_from([0, 5, 7, 15]),
    st.sampled_from([8, 10]),
    st.sampled_from(["no_data", "ok", "firing"]),
)


@given(RULES, VALUES, st.booleans())
def test_what_holds_in_every_history(of, values, alive):
    """Firing means an open alert; ok, pending and resolved mean none; none opens or closes without its transition."""
    found = walk(of, values, alive=alive)
    for stream, value in zip(found, values, strict=True):
        assert (stream.active_since is not None) >= (stream.state == "firing")
        if stream.state in ("ok", "pending", "resolved"):
            assert stream.active_since is None
        assert stream.since <= stream.window_end
        missing = value is None or math.isnan(value)
        assert not (missing and stream.state == "ok" and (of.no_data != "ok" or not alive))
        assert not (not missing and value > 10 and stream.state not in ("pending", "firing"))
    for before, after in pairwise(found):
        if before.active_since is None and after.active_since is not None:
            assert after.state == "firing"
            assert transition(before, after) is not None
        if before.active_since is not None and after.active_since is None:
            assert after.state == "resolved"
        if before.active_since is not None and after.active_since is not None:
            assert before.active_since == after.active_since


@given(st.integers(0, 8), st.integers(0, 40), st.integers(1, 12))
def test_it_fires_after_exactly_as_many_breaches_as_for_asks(minutes, wait, every):
    """The first firing window is the first whose end is at least `for` after the first breached window's end."""
    of = rule(metric="latency_p95_ms", above=10, window="12m", every=f"{every}m", for_=f"{wait}m")
    found = [s.state for s in walk(of, [5] * minutes + [11] * 60)]
    assert found.index("firing") == minutes + math.ceil(wait / every)
    assert set(found[minutes : found.index("firing")]) <= {"pending"}


@given(VALUES, st.integers(0, 40))
def test_a_history_can_be_cut_anywhere(values, cut):
    """Going on from a stream is the same as never having stopped: nothing outside of it is remembered."""
    of = rule(metric="latency_p95_ms", above=10, clear_above=8, for_="10m")
    whole = walk(of, values)
    first = walk(of, values[:cut])
    rest = walk(of, values[cut:], before=first[-1] if first else None, start=min(cut, len(values)) * of.step)
    assert first + rest == whole


def test_an_alert_keeps_firing_for_a_while_after_its_last_breach():
    """With every 5m and keep_firing_for 10m the third clear window in a row resolves it; a breach starts over."""
    of = rule(metric="latency_p95_ms", above=10, keep_firing_for="10m")
    assert states(of, [11, 5, 5, 5]) == ["firing", "firing", "firing", "resolved"]
    assert states(of, [11, 5, 5, 11, 5, 5, 5]) == [*["firing"] * 6, "resolved"]
    found = walk(of, [11, 5, 5, 5, 11])
    assert [s.active_since for s in found] == [300, 300, 300, None, 1500]
    assert [s.clear_since for s in found] == [None, 600, 600, None, None]


def test_missing_data_or_a_failure_starts_the_wait_of_keep_firing_for_anew():
    """Nobody knows whether it was breached meanwhile."""
    of = rule(metric="latency_p95_ms", above=10, keep_firing_for="10m")
    wanted = ["firing", "firing", "no_data", "firing", "firing", "resolved"]
    assert states(of, [11, 5, NOTHING, 5, 5, 5]) == wanted
    before = fail(of, walk(of, [11, 5])[-1], 900, "broken")
    assert (before.active_since, before.clear_since) == (300, None)
    assert [s.state for s in walk(of, [5, 5, 5], before=before, start=900)] == ["firing", "firing", "resolved"]


def test_a_clear_window_after_a_gap_starts_the_wait_anew():
    """Windows that were passed over may have been breached."""
    of = rule(metric="latency_p95_ms", above=10, keep_firing_for="10m")
    before = walk(of, [11, 5])[-1]
    assert [s.state for s in walk(of, [5, 5, 5], before=before, start=3000)] == ["firing", "firing", "resolved"]
