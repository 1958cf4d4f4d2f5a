"""Which windows a run evaluates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.monitor.lakes import rule

from deadreckon.monitor.schedule import CATCH_UP, due

EVERY_5 = rule(metric="event_count", above=1)


def test_a_new_rule_begins_with_its_newest_complete_window():
    """Yesterday is not evaluated unless asked for."""
    found = due(EVERY_5, evaluated=None, as_of=1_000)
    assert (found.first, found.last, len(found)) == (3, 3, 1)


def test_a_new_rule_can_begin_in_the_past():
    """With `since`, it begins with the first window that ends after it."""
    found = due(EVERY_5, evaluated=None, as_of=1_500, since=600)
    assert (found.first, found.last) == (3, 5)
    found = due(EVERY_5, evaluated=None, as_of=1_500, since=1_500)
    assert (found.first, found.last) == (5, 5)


def test_nothing_is_due_twice():
    """A second look at the same time, or at an earlier one, finds nothing."""
    assert len(due(EVERY_5, evaluated=900, as_of=1_000)) == 0
    assert len(due(EVERY_5, evaluated=900, as_of=100)) == 0
    assert len(due(EVERY_5, evaluated=900, as_of=1_200)) == 1


def test_a_window_waits_for_late_events():
    """With a delay of 60 s the window that ends at 900 is due from 960 on."""
    late = rule(metric="event_count", above=1, delay="1m")
    assert due(late, evaluated=600, as_of=959.9).last == 2
    assert due(late, evaluated=600, as_of=960).last == 3


def test_a_changed_step_goes_on_after_the_last_evaluated_window():
    """After 900 the next window of a rule that is now evaluated every 7 minutes ends at 1260."""
    assert due(rule(metric="event_count", above=1, every="7m"), evaluated=900, as_of=1_300).first * 420 == 1_260


def test_catching_up_is_bounded_and_counted():
    """After a year away the newest windows are evaluated and the others counted as skipped."""
    found = due(EVERY_5, evaluated=300, as_of=300 + 300 * (CATCH_UP + 25))
    assert (len(found), found.skipped, found.last) == (CATCH_UP, 25, CATCH_UP + 26)


def test_before_1970_there_is_nothing():
    """A clock at year 1 has no windows."""
    assert len(due(EVERY_5, evaluated=None, as_of=-62_135_596_800)) == 0


@given(st.lists(st.integers(1_800, 100_000), min_size=1, max_size=20), st.integers(1, 30))
def test_many_looks_find_the_windows_of_one(times, minutes):
    """However often cron comes by, every window is due exactly once and in order."""
    of = rule(metric="event_count", above=1, window="30m", every=f"{minutes}m")
    start = due(of, evaluated=None, as_of=times[0]).first
    evaluated, seen = None, []
    for as_of in times:
        found = due(of, evaluated=evaluated, as_of=as_of, since=(start - 1) * of.step)
        steps = range(found.first, found.last + 1)
        seen += steps
        evaluated = found.last * of.step if steps else evaluated
    assert seen == list(range(start, max(times) // of.step + 1))
