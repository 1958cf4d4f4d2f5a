"""What the services ask of small lakes whose answers can be counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.dashboard.lakes import INGESTED, NOON, alert, at, call, span

from deadreckon.dashboard.services import alerts, freshness, overview, search, traces, watch
from deadreckon.dashboard.services.overview import Selection
from deadreckon.dashboard.services.period import Period
from deadreckon.dashboard.services.source import Source
from deadreckon.dashboard.services.traces import Query
from deadreckon.queries import connect

Make = Callable[..., Source]
HOUR = Period(NOON, at(60))


def test_calls_of_a_period(source: Make) -> None:
    """Only calls of the period, environment and versions count; cancelled ones are no failures and have no latency."""
    asked = source(
        call("t", "1", 1, environment="prod", duration_ms=100.0),
        call("t", "2", 2, environment="prod", duration_ms=300.0, status="error", attempt=2),
        call("t", "3", 3, environment="prod", duration_ms=9000.0, status="cancelled"),
        call("t", "4", 4, environment="dev"),
        call("t", "5", 5, environment="prod", model_version="2", cost_usd=None),
        call("t", "6", 61, environment="prod"),
    )
    shown = overview.overview(asked, Selection(HOUR, "prod"))
    one, two = sorted(shown.versions, key=lambda v: str(v.label))
    assert (one.label, one.calls, one.failed, one.cancelled, one.retries) == ("m 1", 3, 1, 1, 1)
    assert (one.error_rate, one.p50_ms) == (0.5, 100.0)
    assert one.cost_usd == pytest.approx(0.03)
    assert (two.label, two.cost_usd, two.unpriced) == ("m 2", None, 1)
    assert (shown.total.calls, shown.total.label) == (4, None)
    assert overview.overview(asked, Selection(HOUR, "prod", ("m 2",))).total.calls == 1


def test_calls_agree_with_the_views(story: Source) -> None:
    """Over all time the service says what latency_by_version says, version by version."""
    extent = freshness.extent_of(story)
    assert extent.oldest is not None
    assert extent.newest is not None
    everything = Period(extent.oldest, extent.newest + timedelta(seconds=1))
    shown = {
        v.model_version: v for v in overview.overview(story, Selection(everything)).versions if v.model == "tern-assist"
    }
    con = connect(story.lake, settings=story.settings)
    try:
        expected = con.execute(
            """
            SELECT model_version, quantile_cont(duration_ms, [0.5, 0.95, 0.99])
            FROM model_calls
            WHERE model = 'tern-assist' AND status IN ('ok', 'timeout')
            GROUP BY model_version
            """
        ).fetchall()
        retired = con.execute("SELECT p50_ms, p95_ms FROM latency_by_version WHERE model_version = '1.4.0'").fetchone()
    finally:
        con.close()
    for version, quantiles in expected:
        found = shown[version]
        assert [found.p50_ms, found.p95_ms, found.p99_ms] == pytest.approx(quantiles)
    assert (shown["1.4.0"].p50_ms, shown["1.4.0"].p95_ms) == pytest.approx(retired)


def test_points_fill_every_bucket(source: Make) -> None:
    """Each charted version has a point in every bucket; where nothing was called sums are 0 and rates unknown."""
    asked = source(call("t", "1", 1), call("t", "2", 50, status="error"))
    shown = overview.overview(asked, Selection(HOUR))
    assert len(shown.points) == len(HOUR.buckets())
    assert sum(p.calls for p in shown.points) == 2
    assert shown.points[1].error_rate is not None
    assert (shown.points[30].calls, shown.points[30].error_rate, shown.points[30].cost_usd) == (0, None, 0.0)


def test_the_period_before(source: Make) -> None:
    """Figures are compared with the period of the same length before; where that was empty, with nothing."""
    asked = source(call("t", "1", -30, request_id="a"), call("t", "2", 30, request_id="b"))
    shown = overview.overview(asked, Selection(HOUR))
    assert shown.past is not None
    assert (shown.past[0].requests, shown.past[1].calls) == (1, 1)
    assert (shown.requests.requests, shown.total.calls) == (1, 1)
    assert overview.overview(asked, Selection(Period(at(-60), NOON))).past is None


def test_versions_without_a_name(source: Make) -> None:
    """A call that names no model is shown, and can be chosen."""
    asked = source(call("t", "1", 1, model=None, model_version=None), call("t", "2", 2))
    assert set(overview.known(asked).versions) == {"(no model)", "m 1"}
    assert overview.overview(asked, Selection(HOUR, None, ("(no model)",))).total.calls == 1


def test_alerts_of_the_monitor_do_not_freshen(source: Make) -> None:
    """What the monitor writes says nothing about whether logs still arrive."""
    asked = source(span("t", "1", 0), alert("slow", "firing", 300))
    extent = freshness.extent_of(asked)
    assert (extent.events, extent.logged, extent.newest) == (2, 1, NOON)
    assert freshness.judge(extent, NOON + timedelta(minutes=59)).level == "fresh"
    assert freshness.judge(extent, NOON + timedelta(minutes=61)).level == "stale"


def test_a_clock_ahead_does_not_freshen(source: Make) -> None:
    """An event from the future is counted as such, and does not make old data look new."""
    asked = source(span("t", "1", 0), span("t", "2", 60 * 24 * 365 * 50))
    extent = freshness.extent_of(asked)
    assert (extent.newest, extent.ahead) == (NOON, 1)


def test_an_alert_is_active_until_it_is_resolved(source: Make) -> None:
    """Firing, then without data, it is still raised, since it fired first; resolved, it is not; raised again, it is."""
    asked = source(
        alert("slow", "firing", 60, previous="ok"),
        alert("slow", "no_data", 120, previous="firing"),
        alert("over", "firing", 60),
        alert("over", "resolved", 120, previous="firing"),
        alert("again", "firing", 60),
        alert("again", "resolved", 120),
        alert("again", "firing", 180),
        alert("waiting", "pending", 60),
    )
    by_rule = {s.rule: s for s in alerts.standings(asked)}
    assert (by_rule["slow"].firing, by_rule["slow"].silent, by_rule["slow"].active_since) == (True, True, at(60))
    assert not by_rule["over"].firing
    assert (by_rule["again"].firing, by_rule["again"].silent, by_rule["again"].active_since) == (True, False, at(180))
    assert {s.rule for s in alerts.standings(asked) if s.firing} == {"slow", "again"}
    fired = alerts.change(asked, by_rule["slow"].change_id)
    assert fired is not None
    assert (fired.rule, fired.state, fired.end, fired.until, fired.next_state) == (
        "slow",
        "firing",
        at(60),
        at(120),
        "no_data",
    )
    assert alerts.change(asked, "nothing") is None


def test_standing_agrees_with_the_board(story: Source) -> None:
    """What the pages call firing is what `reckon alerts --state firing` lists."""
    from deadreckon.monitor import current

    board = {(a.stream.rule, tuple(a.labels.items())) for a in current(story.lake, states=["firing"])}
    assert {(s.rule, tuple(s.labels.items())) for s in alerts.standings(story) if s.firing} == board
    assert len(board) == 2


def test_streams_of_a_rule_are_apart(source: Make) -> None:
    """The same rule with other labels is another alert; severity and labels decide what stands first."""
    asked = source(
        alert("slow", "firing", 60, labels={"model_version": "1"}),
        alert("slow", "resolved", 60, labels={"model_version": "2"}),
        alert("dear", "firing", 60, severity="critical"),
    )
    found = alerts.standings(asked)
    assert [(s.rule, dict(s.labels), s.firing) for s in found] == [
        ("dear", {}, True),
        ("slow", {"model_version": "1"}, True),
        ("slow", {"model_version": "2"}, False),
    ]
    assert found[1].concerns("m", "1")
    assert not found[1].concerns("m", "2")
    assert not found[0].concerns("m", "1")


def test_strange_alert_events(source: Make) -> None:
    """Alert events of other programs, without rule, window or a state that we know, are shown and break nothing."""
    asked = source({"ts": NOON.isoformat(), "kind": "alert", "event": "disk full", "label": "PAGE", "attributes": {}})
    (standing,) = alerts.standings(asked)
    assert (standing.state, standing.firing) == ("error", False)
    (change,) = alerts.changes(asked)
    assert (change.start, change.end, change.labels) == (NOON, NOON, {})


def test_nobody_watches(source: Make) -> None:
    """Where the monitor never ran, that is what is said, with what to do."""
    looked = watch.last_look(source(span("t", "s", 0)))
    assert looked.looked is None
    assert "never ran" in looked.trouble
    assert "reckon monitor" in looked.hint


def test_the_monitors_last_look(story: Source) -> None:
    """Where it ran, the time of its last run is known."""
    assert watch.last_look(story).looked is not None


def test_list_of_traces(source: Make) -> None:
    """Traces are filtered by any of their spans, by status, and ordered; one that began before the period is not in."""
    asked = source(
        span("slow", "a", 5, duration_ms=5000.0, environment="prod"),
        call("dear", "a", 6, cost_usd=2.0, environment="prod", model_version="9"),
        span("bad", "a", 7, status="error", environment="dev"),
        span("mixed", "a", 8),
        span("mixed", "b", 8.01, parent_span_id="a", status="timeout", tool="search", operation="execute_tool"),
        span("early", "a", -5, duration_ms=3_600_000.0),
    )

    def ids(**more: object) -> list[str]:
        return [t.trace_id for t in traces.listed(asked, Query(HOUR, **more))]  # type: ignore[arg-type]

    assert ids() == ["mixed", "bad", "dear", "slow"]
    assert ids(sort="slowest")[0] == "slow"
    assert ids(sort="costliest")[0] == "dear"
    assert ids(status="error") == ["bad"]
    assert ids(status="failed spans") == ["mixed", "bad"]
    assert ids(filters={"environment": "prod"}) == ["dear", "slow"]
    assert ids(filters={"tool": "search"}) == ["mixed"]
    assert ids(filters={"model_version": "9"}) == ["dear"]
    assert ids(id="early") == ["early"]
    assert traces.span_values(asked)["environment"] == ("prod", "dev")


def test_finding_ids(source: Make) -> None:
    """An ID is found in whichever column it stands, and the trace behind it where there is just one."""
    ids = {"request_id": "req-1", "session_id": "ses-1", "user_id": "u", "response_id": "resp-1"}
    asked = source(
        call("a" * 32, "b" * 16, 0, **ids),
        call("c" * 32, "d" * 16, 1, session_id="ses-1"),
        {"ts": NOON.isoformat(), "kind": "run", "event": "run.start", "run_id": "run-1"},
    )
    assert search.find(asked, "A" * 32).trace_id == "a" * 32
    for wanted in ("b" * 16, "req-1", "resp-1"):
        assert search.find(asked, wanted).trace_id == "a" * 32
    session = search.find(asked, "ses-1")
    assert (session.trace_id, session.drawn, session.hits[0].field) == (None, 2, "session")
    run = search.find(asked, "run-1")
    assert (run.hits[0].field, run.drawn) == ("run", 0)
    assert [line.kind for line in search.lines(asked, "run-1")] == ["run"]
    near = search.find(asked, "a" * 8)
    assert (near.hits, [n.id for n in near.near]) == ((), ["a" * 32])
    assert search.find(asked, "no").near == ()


def test_a_requests_main_trace(source: Make) -> None:
    """A request that a judge looked at later opens with the trace that answered it."""
    asked = source(
        call("judge", "j", 5, request_id="r", parent_span_id="x"),
        span("answer", "a", 0, request_id="r"),
    )
    assert search.main_trace(asked, "r") == "answer"
    assert search.main_trace(asked, "nobody") is None


def test_ingest_time_is_told(source: Make) -> None:
    """When lines came in last is known, also where all of them were refused."""
    asked = source("no json")
    extent = freshness.extent_of(asked)
    assert (extent.events, extent.quarantined, extent.newest) == (0, 1, None)
    assert extent.ingested == INGESTED
    assert freshness.judge(extent, INGESTED).level == "empty"
