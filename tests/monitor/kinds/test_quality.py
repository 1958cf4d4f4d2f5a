"""Rules on the data themselves."""

from __future__ import annotations

import pytest
from tests.monitor.lakes import HOUR, NOON, Open, add, calls, event, make, monitor, rule, states

from deadreckon.core.errors import ConfigError
from deadreckon.monitor import load_rules

DAY = 24 * HOUR


def quality(check, **keys):
    return rule(kind="quality", check=check, **keys)


def prediction(at, features, **columns):
    return event(at, kind="prediction", features=features, **columns)


FEATURES = [
    *[prediction(-200 + i, '{"age": 30, "a b": "x"}') for i in range(90)],
    prediction(-100, '{"age": null, "a b": "y"}'),
    prediction(-99, '{"other": 1}'),
    prediction(-98, '{"age": "old"}'),
    prediction(-97, '{"age": 200.5}'),
    prediction(-96, '{"age": -1}'),
    prediction(-95, "no json"),
    event(-94, kind="prediction"),
]


@pytest.mark.parametrize(
    ("check", "keys", "value", "n"),
    [
        ("null_share", {"subject": "feature:age", "above": 0.5}, 3 / 96, 96),
        ("null_share", {"subject": "tool", "above": 0.5}, 1.0, 97),
        ("out_of_range", {"subject": "feature:age", "min": 0, "max": 120}, 2 / 92, 92),
        ("out_of_range", {"subject": "feature:age", "max": 1000}, 0.0, 92),
        ("type_change", {"subject": "feature:age", "type": "number"}, 1 / 93, 93),
        ("new_category", {"subject": "feature:a b", "known": ["x"]}, 1.0, 91),
        ("new_category", {"subject": "feature:a b", "known": ["x", "y", "it's"]}, 0.0, 91),
        ("new_category", {"subject": "kind", "known": ["span"]}, 1.0, 97),
    ],
)
def test_what_is_wrong_with_values_is_counted_exactly(tmp_path, check, keys, value, n):
    """Nulls and absent keys, ranges, types and categories; text that is no JSON holds nothing."""
    (alert,) = monitor(make(tmp_path, FEATURES), quality(check, **keys), at=0).alerts
    assert (alert.stream.value, alert.stream.n) == (pytest.approx(value), n)
    assert alert.stream.state == ("firing" if value > keys.get("above", 0) else "ok")


def test_values_that_are_no_finite_number_are_out_of_range(tmp_path):
    """NaN is neither below nor above, and wrong; infinity is above everything."""
    events = [event(-100 + i, value=v) for i, v in enumerate([1.0, float("nan"), float("inf"), 2.0])]
    (alert,) = monitor(make(tmp_path, events), quality("out_of_range", subject="value", min=0, max=5), at=0).alerts
    assert (alert.stream.value, alert.stream.n) == (0.5, 4)


def test_scores_are_subjects_too(tmp_path):
    """By their name: their values as numbers, their labels as categories."""
    scores = [event(-100 + i, kind="score", name="helpful", value=i / 10) for i in range(10)]
    others = [event(-50 + i, kind="score", name="other", value=99.0) for i in range(5)]
    lake = make(tmp_path, [*scores, *others])
    (alert,) = monitor(lake, quality("out_of_range", subject="score:helpful", min=0.25), at=0).alerts
    assert (alert.stream.value, alert.stream.n) == (0.3, 10)


def test_a_category_is_new_once_its_reference_never_held_it(tmp_path):
    """A tool that was there within the week before is known; one that was there before that is new again."""
    lake = make(
        tmp_path,
        [
            *calls(-2 * DAY, 200, tool="search"),
            *calls(-8 * DAY, 50, tool="ancient"),
            *calls(-200, 10, tool="search"),
            *calls(-150, 2, tool="refund"),
            *calls(-100, 1, tool="ancient"),
        ],
    )
    of = quality("new_category", subject="tool")
    (alert,) = monitor(lake, of, at=0).alerts
    assert (alert.stream.state, alert.stream.value, alert.stream.n) == ("firing", 2.0, 13)
    assert alert.summary == "r: tool has values never seen before, 2 of them: ancient, refund (n 13)"
    assert alert.stream.facts == {"examples": "ancient, refund"}
    listed = quality("new_category", name="listed", subject="tool", known=["search"])
    assert monitor(lake, listed, at=0).alerts[0].stream.facts == {"examples": "ancient, refund"}
    add(lake, calls(100, 2, tool="refund"))
    assert states(monitor(lake, of, at=300)) == {"": "resolved"}


def test_without_a_reference_nothing_is_new(tmp_path):
    """The first day of a lake, or of a group, has nothing to be compared with: no data, and no alarm."""
    lake = make(
        tmp_path,
        [
            *calls(-DAY, 200, tool="search", agent="old"),
            *calls(-100, 3, tool="search", agent="old"),
            *calls(-100, 3, tool="x", agent="young"),
        ],
    )
    of = quality("new_category", subject="tool", group_by=["agent"])
    assert states(monitor(lake, of, at=0)) == {"old": "ok", "young": "no_data"}


def test_a_type_that_was_not_there_before_is_a_change(tmp_path):
    """Numbers that come as text, without saying what is right; whole and other numbers are of one type."""
    before = [prediction(-DAY + i, f'{{"age": {30 + i % 2 / 2}}}') for i in range(150)]
    now = [prediction(-100, '{"age": 31}'), prediction(-99, '{"age": "31"}'), prediction(-98, '{"age": null}')]
    (alert,) = monitor(make(tmp_path, [*before, *now]), quality("type_change", subject="feature:age"), at=0).alerts
    assert (alert.stream.state, alert.stream.value, alert.stream.n) == ("firing", 0.5, 2)
    assert alert.stream.facts == {"examples": "string"}


def test_many_windows_find_new_categories_as_each_alone(tmp_path):
    """The reference of each window is its own, in a catch-up too."""
    tools = [(at * 20, f"t{at // 100 % 11 if at % 9 else at % 4}") for at in range(-1200, 0)]
    lake = make(tmp_path, [event(at, tool=tool) for at, tool in tools])
    of = quality("new_category", subject="tool", window="6m", every="4m", reference="50m")
    opened = Open(lake)
    last = NOON // of.step
    found = {r.step: (r.value, r.n) for r in of.measured(opened, last - 60, last)}
    for step in range(last - 60, last + 1):
        start = step * of.step - NOON - 360
        inside = [tool for at, tool in tools if start <= at < start + 360]
        before = {tool for at, tool in tools if start - 3000 <= at < start}
        assert found[step] == (len(set(inside) - before), len(inside))
    assert {value for value, _ in found.values()} >= {0, 1}
    opened.close()


def test_volume_is_held_against_the_median_of_the_same_time(tmp_path):
    """One week with an outage does not move what is usual; half and twice are the bounds unless said."""
    events = [e for week, n in enumerate([100, 110, 0, 90], 1) for e in calls(-week * 7 * DAY - 200, n)]
    of = quality("volume")
    lake = make(tmp_path / "few", [*events, *calls(-200, 40)])
    (alert,) = monitor(lake, of, at=0).alerts
    assert (alert.stream.state, alert.stream.value, alert.stream.n) == ("firing", pytest.approx(40 / 95), 95)
    assert alert.summary == "r: 0.42 times the usual events, which are 95 in 5m"
    assert alert.stream.facts == {"events": 40, "expected": 95}
    lake = make(tmp_path / "many", [*events, *calls(-200, 195)])
    assert states(monitor(lake, of, at=0)) == {"": "firing"}
    lake = make(tmp_path / "usual", [*events, *calls(-200, 100)])
    assert states(monitor(lake, of, at=0)) == {"": "ok"}


def test_no_event_where_there_are_usually_some_is_too_few(tmp_path):
    """A group that fell silent has a volume of zero, not no data, while the lake lives."""
    events = [e for day in range(1, 4) for e in calls(-day * DAY - 200, 50, service="a")]
    lake = make(tmp_path, [*events, *calls(-200, 9, service="b")])
    of = quality("volume", group_by=["service"], against="day")
    (alert,) = [a for a in monitor(lake, of, at=0).alerts if "a" in a.labels.values()]
    assert (alert.stream.state, alert.stream.value, alert.stream.n) == ("firing", 0.0, 50)


def test_volume_without_a_history_is_no_data(tmp_path):
    """One day is no history, and a handful of events is none either."""
    lake = make(tmp_path, [*calls(-DAY - 200, 100), *calls(-200, 10)])
    assert states(monitor(lake, quality("volume", against="day"), at=0)) == {"": "no_data"}
    few = [e for day in range(1, 4) for e in calls(-day * DAY - 200, 4)]
    (alert,) = monitor(make(tmp_path / "few", [*few, *calls(-200, 1)]), quality("volume", against="day"), at=0).alerts
    assert alert.stream.reason == "4 of at least 10 events in the window"


LEDGER = [
    {"record": "source", "source_id": "a", "source_path": "a.log", "lines": 90, "quarantined": 5},
    {"record": "source", "source_id": "b", "source_path": "b.log", "lines": 10, "quarantined": 0},
    *[{"record": "quarantine", "source_id": "a", "source_path": "a.log", "error_code": "wrong_type"} for _ in range(3)],
    *[{"record": "quarantine", "source_id": "a", "source_path": "a.log", "error_code": "missing"} for _ in range(2)],
]


def test_refused_lines_are_counted_by_their_reason(tmp_path):
    """Of all lines that were read; by input where asked for."""
    ledger = [row | {"ingested_at": (NOON - 60) * 1_000_000} for row in LEDGER]
    lake = make(tmp_path, calls(-200, 10), ledger=ledger)
    of = quality("quarantine_share", error_codes=["wrong_type"], above=0.02)
    (alert,) = monitor(lake, of, at=0).alerts
    assert (alert.stream.state, alert.stream.value, alert.stream.n) == ("firing", pytest.approx(0.03), 100)
    each = quality("quarantine_share", name="each", above=0.02, group_by=["source_path"])
    found = {a.stream.labels: a.stream.value for a in monitor(lake, each, at=0).alerts}
    assert found == {'{"source_path":"a.log"}': pytest.approx(5 / 90), '{"source_path":"b.log"}': 0.0}


def test_each_stream_has_its_own_freshness(tmp_path):
    """One host falls silent while another one goes on."""
    lake = make(tmp_path, [event(-2 * HOUR, host="x"), event(-60, host="y")])
    of = quality("freshness", group_by=["host"], above=3600)
    assert states(monitor(lake, of, at=0)) == {"x": "firing", "y": "ok"}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"check": "nulls"}, ["check", "null_share"]),
        ({"check": "null_share", "above": 1}, ["needs a subject"]),
        ({"check": "null_share", "subject": "tol", "above": 1}, ["'tol' is no column", "'tool'"]),
        ({"check": "null_share", "subject": "featur:x", "above": 1}, ["is no subject", "feature:NAME"]),
        ({"check": "null_share", "subject": 'feature:a"b', "above": 1}, ["cannot be looked up"]),
        ({"check": "null_share", "subject": "features", "above": 1}, ["'features' is no column of numbers or text"]),
        ({"check": "null_share", "subject": "tool"}, ["without a threshold"]),
        ({"check": "out_of_range", "subject": "value"}, ["min, max or both"]),
        ({"check": "out_of_range", "subject": "value", "min": 2, "max": 1}, ["no value can be right"]),
        ({"check": "volume", "subject": "tool"}, ["subject goes with check"]),
        ({"check": "null_share", "subject": "tool", "above": 1, "perods": 3}, ["unknown key 'perods'", "periods"]),
        ({"check": "quarantine_share", "above": 1, "group_by": ["model"]}, ["'model', which"]),
    ],
)
def test_a_wrong_check_is_refused(keys, words):
    """With what is wrong and the nearest word."""
    with pytest.raises(ConfigError) as caught:
        load_rules([{"name": "q", "kind": "quality", "window": "1h"} | keys])
    said = f"{caught.value.message} {caught.value.hint}"
    for word in words:
        assert word in said
