"""Rules on what may be spent."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from tests.monitor.lakes import HOUR, NOON, Open, add, event, make, monitor, states

from deadreckon.core.errors import ConfigError
from deadreckon.core.settings import Settings
from deadreckon.monitor import load_rules
from deadreckon.monitor.alert import iso
from deadreckon.monitor.asking import asker

BUDGET = {"name": "spend", "kind": "budget", "limit": 10.0, "period": "day"}
DAY = 24 * HOUR


def chat(at, **columns):
    return event(at, operation="chat", status="ok", **columns)


def limit(**keys):
    return load_rules([BUDGET | keys])[0]


def test_the_limit_is_for_each_period_anew(tmp_path):
    """Twelve dollars on one day fire until midnight; the next day begins with nothing spent."""
    lake = make(tmp_path, [chat(-2 * HOUR, cost_usd=9.0), chat(-30, cost_usd=3.0), chat(12 * HOUR + 30, cost_usd=1.0)])
    of = limit()
    (alert,) = monitor(lake, of, at=0).alerts
    assert (alert.stream.state, alert.stream.value, alert.stream.n) == ("firing", 12.0, 2)
    assert alert.summary == "spend: 12.00 USD spent in this day, 10.00 USD allowed (calls: 2)"
    assert alert.labels == {"budget": "spend"}
    report = monitor(lake, of, at=13 * HOUR)
    changed = [(t.stream.window_end - NOON, t.stream.state) for t in report.transitions]
    assert changed == [(12 * HOUR + 900, "resolved")]
    assert report.alerts[0].stream.value == 1.0


def test_the_share_spent_and_the_pace_warn_at_a_lower_severity(tmp_path):
    """Nine of ten dollars by noon: warned, and at this pace eighteen by the end of the day."""
    lake = make(tmp_path, [chat(-HOUR, cost_usd=9.0)])
    rules = load_rules([BUDGET | {"forecast": True, "severity": "critical"}])
    assert [(r.name, r.severity, r.part_of) for r in rules] == [
        ("spend", "critical", "spend"),
        ("spend: 80 % spent", "warning", "spend"),
        ("spend: forecast", "warning", "spend"),
        ("spend: unknown cost", "warning", "spend"),
    ]
    report = monitor(lake, *rules, at=0)
    assert [(a.stream.state, a.stream.value) for a in report.alerts] == [
        ("ok", 9.0),
        ("firing", 9.0),
        ("firing", 18.0),
        ("ok", 0.0),
    ]
    assert report.alerts[2].summary == "spend: at this pace 18.00 USD will be spent in this day, 10.00 USD allowed"


def test_an_early_hour_says_nothing_of_the_pace(tmp_path):
    """In the first tenth of a day what was spent is all that is known."""
    lake = make(tmp_path, [chat(-12 * HOUR + 60, cost_usd=1.0)])
    rules = load_rules([BUDGET | {"forecast": True}])
    report = monitor(lake, rules[2], at=-11 * HOUR)
    assert (report.alerts[0].stream.state, report.alerts[0].stream.value) == ("ok", 1.0)


def test_a_cost_that_was_not_reported_is_priced_and_what_has_none_is_said(tmp_path):
    """A million tokens in of a priced model; a call of a model that nobody priced is left out, and told of."""
    calls = [
        chat(-60, model="known", input_tokens=1_000_000, output_tokens=0),
        chat(-50, model="nobody-knows-it", input_tokens=5, output_tokens=5),
    ]
    lake = make(tmp_path, calls)
    priced = {"known": {"input_per_mtok": 3.0, "output_per_mtok": 15.0}}
    settings = Settings.model_validate({"lake": str(lake.root), "prices": priced})
    report = monitor(lake, *load_rules([BUDGET]), at=0, ask=lambda: asker(lake, settings))
    found = {a.stream.rule: a for a in report.alerts}
    assert found["spend"].stream.value == pytest.approx(3.0)
    unknown = found["spend: unknown cost"]
    assert (unknown.stream.state, unknown.stream.value, unknown.stream.n) == ("firing", 0.5, 2)
    assert unknown.summary == "spend: 50 % of 2 calls state no US dollars: left out of what is spent"
    assert found["spend"].stream.facts == {
        "spent": pytest.approx(3.0),
        "limit": 10.0,
        "unpriced": 1,
        "unpriced_share": 0.5,
        "period_start": "2026-10-01T00:00:00Z",
        "period_end": "2026-10-02T00:00:00Z",
    }


def test_the_window_of_a_budget_is_its_period(tmp_path):
    """From where the period really began, however long the longest one is."""
    month = load_rules([BUDGET | {"period": "month", "time_zone": "Europe/Paris"}])[0]
    (alert,) = monitor(make(tmp_path, [chat(-60, cost_usd=1.0)]), month, at=0).alerts
    assert iso(alert.window_start) == "2026-09-30T22:00:00Z"
    assert alert.stream.facts["period_start"] == "2026-09-30T22:00:00Z"


def test_calls_of_which_no_cost_is_known_are_not_free(tmp_path):
    """Nothing is known of what was spent: that is no data, not zero."""
    lake = make(tmp_path, [chat(-50, model="nobody-knows-it", input_tokens=5, output_tokens=5)])
    assert states(monitor(lake, load_rules([BUDGET])[0], at=0)) == {"": "no_data"}


def test_a_day_begins_in_its_time_zone(tmp_path):
    """At noon UTC it is 21 o'clock in Tokyo: the day there began at 15 UTC the day before."""
    lake = make(tmp_path, [chat(-22 * HOUR, cost_usd=5.0), chat(-20 * HOUR, cost_usd=3.0), chat(-HOUR, cost_usd=1.0)])
    assert monitor(lake, load_rules([BUDGET])[0], at=0).alerts[0].stream.value == 1.0
    tokyo = load_rules([BUDGET | {"name": "tokyo", "time_zone": "Asia/Tokyo"}])[0]
    assert monitor(lake, tokyo, at=0).alerts[0].stream.value == 4.0


@pytest.mark.parametrize("period", ["hour", "day", "week", "month"])
def test_one_query_for_many_windows_is_as_one_for_each(tmp_path, period):
    """Sums carried on from step to step, over ends of periods and a change of the clocks, are those of each window."""
    moments = [at * 4_999 for at in range(-300, 300)]
    lake = make(tmp_path, [chat(24 * DAY + at, cost_usd=1.0 + at % 7, agent="ab"[at % 2]) for at in moments])
    keys = {"period": period, "time_zone": "Europe/Paris", "every": "1h7m", "group_by": ["agent"]}
    of = load_rules([BUDGET | keys])[0]
    opened = Open(lake)
    last = (NOON + 25 * DAY) // of.step
    found = {(r.step, r.labels["agent"]): (r.value, r.n) for r in of.measured(opened, last - 40, last)}
    for step in range(last - 40, last + 1):
        end = step * of.step
        zone = "UTC" if period == "hour" else "Europe/Paris"  # an hour that comes twice is two hours
        for agent in "ab":
            sql = (
                "SELECT coalesce(sum(cost_usd), 0), count(*) FROM events WHERE agent = $agent AND ts < to_timestamp($e)"
                " AND date_trunc($period, ts AT TIME ZONE $zone) "
                "= date_trunc($period, to_timestamp($e - 0.000001) AT TIME ZONE $zone)"
            )
            value, n = opened.query(sql, {"agent": agent, "e": end, "period": period, "zone": zone}).rows[0]
            assert found.get((step, agent), (0, 0)) == (pytest.approx(value), n)
    opened.close()


def test_periods_begin_where_the_clocks_say(tmp_path):
    """Also on the days of 23 and of 25 hours, and in months of 28 to 31 days."""
    del tmp_path
    of = limit(time_zone="Europe/Paris", period="day")
    for day in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        begin = int(day.timestamp())
        starts = of.starts(begin, begin + 2 * DAY)
        hours = [(b - a) // HOUR for a, b in pairwise(starts)]
        assert hours[0] == (23 if day.month == 3 else 25)
        assert set(hours[1:]) == {24}
    months = limit(period="month").starts(NOON - 300 * DAY, NOON)
    lengths = [(b - a) // DAY for a, b in pairwise(months)]
    assert lengths == [31, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31]  # from December to October


def test_each_user_has_a_budget_and_a_new_day(tmp_path):
    """One alert for each; who spends nothing on the next day is within the limit again."""
    lake = make(tmp_path, [chat(-HOUR, cost_usd=11.0, user_id="a"), chat(-HOUR, cost_usd=2.0, user_id="b")])
    of = load_rules([BUDGET | {"group_by": ["user_id"]}])[0]
    report = monitor(lake, of, at=0)
    assert states(report) == {"a": "firing", "b": "ok"}
    add(lake, [chat(13 * HOUR, cost_usd=1.0, user_id="b")])
    assert states(monitor(lake, of, at=14 * HOUR)) == {"a": "resolved", "b": "ok"}


def test_tokens_and_calls_can_be_budgeted(tmp_path):
    """Input and output, cached ones not twice."""
    lake = make(
        tmp_path, [chat(-60, input_tokens=70, output_tokens=30, cache_read_tokens=50), chat(-50, input_tokens=5)]
    )
    values = {}
    for spend in ("tokens", "input_tokens", "output_tokens", "calls"):
        (alert,) = monitor(lake, load_rules([BUDGET | {"name": spend, "spend": spend}])[0], at=0).alerts
        values[spend] = alert.stream.value
    assert values == {"tokens": 105.0, "input_tokens": 75.0, "output_tokens": 30.0, "calls": 2.0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"limit": 0}, ["limit", "greater than 0"]),
        ({"period": "year"}, ["period", "'month'"]),
        ({"time_zone": "Paris"}, ["'Paris' is no time zone"]),
        ({"time_zone": "../../etc/passwd"}, ["is no time zone"]),
        ({"group_by": ["tool"]}, ["'tool', which is no column of what this rule measures"]),
        ({"lmit": 1}, ["unknown key 'lmit'", "limit"]),
        ({"warn_at": 80}, ["warn_at", "less than or equal to 1"]),
    ],
)
def test_a_wrong_budget_is_refused(change, words):
    """With what is wrong."""
    with pytest.raises(ConfigError) as caught:
        load_rules([BUDGET | change])
    said = f"{caught.value.message} {caught.value.hint}"
    for word in words:
        assert word in said


def test_the_levels_of_a_budget_ask_once(tmp_path):
    """Limit, warning, forecast and what is unknown come from the same sums."""
    lake = make(tmp_path, [chat(-HOUR, cost_usd=9.0)])
    opened, asked = Open(lake), []

    class Counting:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            opened.close()

        def query(self, sql, params=None, *, max_rows=None):
            asked.append(sql)
            return opened.query(sql, params, max_rows=max_rows)

    monitor(lake, *load_rules([BUDGET | {"forecast": True}]), at=0, ask=Counting)
    assert len([sql for sql in asked if "model_calls" in sql]) == 1
