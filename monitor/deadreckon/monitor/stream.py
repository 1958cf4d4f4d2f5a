"""The states of an alert and how one window moves it to the next: pure, so that backtests and tests own the clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, get_args

import orjson

from deadreckon.monitor.rules import Rule
from deadreckon.monitor.windows import Facts

State = Literal["ok", "pending", "firing", "resolved", "no_data", "error"]
STATES: Final[tuple[State, ...]] = get_args(State)
Judgement = Literal["breach", "between", "clear", "missing"]

Labels = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a rule measured for one group in one window. `n` counts the events that the value rests on."""

    labels: Labels
    value: float | None
    n: int | None
    unknown: str = ""
    """Why nothing can be said yet, whatever was measured: then it is missing, and never well."""
    memory: str = ""
    """What the rule will have to know of the windows up to this one, in its own words."""
    facts: Facts = field(default_factory=dict)
    """What the value rests on, or means: a few numbers and texts."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Where one (rule, labels) stands. Times are epoch seconds; every one of them is the end of some window."""

    rule: str
    labels: str
    """The group's labels as canonical JSON: with the rule's name the identity of the stream."""
    state: State
    since: int
    """When this state began."""
    window_end: int
    value: float | None = None
    n: int | None = None
    threshold: float | None = None
    """The bound that the value was judged against."""
    active_since: int | None = None
    """When an alert was raised that is not resolved yet; it outlives no_data and error."""
    last_seen: int | None = None
    """The last window that held data."""
    reason: str = ""
    clear_since: int | None = None
    """The first of the windows in a row that a firing alert was clear in, while `keep_firing_for` holds it."""
    memory: str = ""
    """What the rule remembers of the stream; see Reading."""
    facts: Facts = field(default_factory=dict)
    """What the rule told beside the value."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A stream that changed its state with this window."""

    stream: Stream
    previous: State | None


def key_of(labels: Labels) -> str:
    """Labels as canonical JSON, the same for the same labels in any order."""
    return orjson.dumps(dict(labels), option=orjson.OPT_SORT_KEYS).decode()


def labels_of(key: str) -> dict[str, str | None]:
    """The labels that canonical JSON holds."""
    found: dict[str, Any] = orjson.loads(key)
    return found


WHOLE_RULE: Final = key_of({})
"""The labels of a rule without groups, and the place of what concerns a whole rule."""


def judge(rule: Rule, reading: Reading | None, *, alive: bool) -> tuple[Judgement, str]:
    """How a reading stands to the rule's thresholds, and why where there is none.

    `alive`: whether the lake holds any event in the window. A lake that does not is never healthy: only a breach is
    believed then.
    """
    if reading is not None and reading.unknown:
        return "missing", reading.unknown
    judgement, reason = _compare(rule, reading)
    measures_age = rule.measure is not None and rule.measure.source == "newest"
    if judgement in ("between", "clear") and not alive and not measures_age:
        return "missing", "the lake holds no event in the window"
    if judgement != "missing":
        return judgement, ""
    if rule.no_data == "firing":
        return "breach", reason
    if rule.no_data == "ok" and alive:
        return "clear", reason
    return "missing", reason if alive else "the lake holds no event in the window"


def advance(
    rule: Rule, before: Stream | None, window_end: int, reading: Reading | None, *, key: str, alive: bool
) -> Stream:
    """Where a stream stands after a window, given where it stood before it (None: never seen)."""
    judgement, reason = judge(rule, reading, alive=alive)
    active = before.active_since if before else None
    # An evaluation that failed or was skipped in between breaks the wait: nobody knows whether it was breached.
    waiting = before is not None and before.state == "pending" and before.window_end == window_end - rule.step
    clear_since = None
    state: State
    since = window_end
    if judgement == "missing":
        state = "no_data"
    elif judgement == "breach" and active is None:
        since = before.since if before and waiting else window_end
        state = "firing" if window_end - since >= rule.for_ else "pending"
        active = window_end if state == "firing" else None
    elif active is not None and judgement != "clear":
        state = "firing"
    elif active is not None:
        clear_since = window_end
        if before and before.clear_since is not None and before.window_end == window_end - rule.step:
            clear_since = before.clear_since
        state = "firing"
        if window_end - clear_since >= rule.keep_firing_for:
            state, active, clear_since = "resolved", None, None
    else:
        state = "resolved" if before and before.state == "resolved" else "ok"
    if state != "pending":
        since = before.since if before and before.state == state else window_end
    seen = reading is not None and (reading.n is None or reading.n > 0)
    return Stream(
        rule.name,
        key,
        state,
        since,
        window_end,
        reading.value if reading else None,
        reading.n if reading else 0,
        _threshold(rule, reading.value if reading else None),
        active,
        window_end if seen else (before.last_seen if before else None),
        reason,
        clear_since,
        reading.memory if reading else (before.memory if before else ""),
        reading.facts if reading else {},
    )


def fail(rule: Rule, before: Stream | None, window_end: int, reason: str) -> Stream:
    """Where the stream of a whole rule stands when the rule could not be evaluated."""
    if before is None:
        return Stream(rule.name, WHOLE_RULE, "error", window_end, window_end, reason=reason)
    since = before.since if before.state == "error" else window_end
    unmeasured: dict[str, Any] = dict.fromkeys(("value", "n", "threshold", "clear_since"))
    return replace(before, state="error", since=since, window_end=window_end, reason=reason, facts={}, **unmeasured)


def transition(before: Stream | None, after: Stream) -> Transition | None:
    """The change from one window to the next, if there is one; a stream that begins as ok is no news."""
    previous = before.state if before else None
    if previous == after.state or (previous is None and after.state == "ok"):
        return None
    return Transition(after, previous)


def _compare(rule: Rule, reading: Reading | None) -> tuple[Judgement, str]:
    if reading is None:
        return "missing", "no events in the window"
    if reading.n is not None and reading.n < rule.least:
        few = "no events" if reading.n == 0 else f"{reading.n} of at least {rule.least} events"
        return "missing", f"{few} in the window"
    value = reading.value
    if value is None or math.isnan(value):
        return "missing", "the value is " + ("null" if value is None else "not a number")
    if (rule.above is not None and value > rule.above) or (rule.below is not None and value < rule.below):
        return "breach", ""
    high = rule.above if rule.clear_above is None else rule.clear_above
    low = rule.below if rule.clear_below is None else rule.clear_below
    return ("clear" if (high is None or value <= high) and (low is None or value >= low) else "between"), ""


def _threshold(rule: Rule, value: float | None) -> float | None:
    if rule.above is None or rule.below is None:
        return rule.above if rule.below is None else rule.below
    if value is None or math.isnan(value):
        return rule.above
    return rule.above if abs(value - rule.above) <= abs(value - rule.below) else rule.below
