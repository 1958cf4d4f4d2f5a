"""The pages on the demo's lake: what they show is what SQL says of the same lake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.dashboard.conftest import Open
from tests.dashboard.reading import charts, links, metric, words

from deadreckon.dashboard.look import figures
from deadreckon.queries import connect

Ask = Callable[..., list[tuple[Any, ...]]]
SLOW_WINDOW = {"range": "custom", "from_": "2026-10-20T12:00", "until": "2026-10-21T00:00"}


@pytest.fixture
def sql(demo: Path) -> Iterator[Ask]:
    """Answer SQL on the demo's lake without the dashboard."""
    con = connect(demo)
    yield lambda text, **params: con.execute(text, params or None).fetchall()
    con.close()


def test_overview_totals(page: Open, demo: Path, sql: Ask) -> None:
    """The figures of all time are those of the views."""
    app = page("overview", demo, range="all")
    requests, failed, p95 = sql(
        """
        SELECT count(*), count(*) FILTER (WHERE status IN ('error', 'timeout'))
            / (count(*) FILTER (WHERE status <> 'cancelled'))::DOUBLE,
            quantile_cont(duration_ms, 0.95) FILTER (WHERE status IN ('ok', 'timeout'))
        FROM requests
        """
    )[0]
    (cost,) = sql("SELECT sum(cost_usd) FROM cost_by_version")[0]
    assert metric(app, "Requests") == figures.count(requests)
    assert metric(app, "Failed requests") == figures.percent(failed)
    assert metric(app, "Latency p95") == figures.milliseconds(p95)
    assert metric(app, "Cost") == figures.dollars(cost)


def test_overview_versions(page: Open, demo: Path, sql: Ask) -> None:
    """The table's calls, failures, percentiles and cost are those of the views, version by version."""
    app = page("overview", demo, range="all")
    shown = app.dataframe[0].value.set_index("version")
    for version, calls, failed, cost in sql(
        """
        SELECT concat_ws(' ', e.model, e.model_version), sum(e.calls), sum(e.failed), sum(c.cost_usd)
        FROM errors_by_version AS e
        JOIN cost_by_version AS c USING (environment, model, variant, operation)
        WHERE c.model_version IS NOT DISTINCT FROM e.model_version
        GROUP BY ALL
        """
    ):
        row = shown.loc[version]
        assert (row["calls"], row["failed"]) == (calls, failed)
        assert row["cost"] == pytest.approx(cost) if cost is not None else row.isna()["cost"]
    (p95,) = sql(
        "SELECT quantile_cont(duration_ms, 0.95) FROM model_calls WHERE model_version = '1.6.0' AND status = 'ok'"
    )[0]
    assert shown.loc["tern-assist 1.6.0", "p95"] == pytest.approx(p95)


def test_overview_filters(page: Open, demo: Path, sql: Ask) -> None:
    """A link with a window and a version limits every figure to them."""
    window = {"range": "custom", "from_": "2026-10-20T09:00", "until": "2026-10-22T15:00"}
    app = page("overview", demo, version="tern-assist 1.6.0", **window)
    (calls, cost) = sql(
        """
        SELECT count(*), sum(cost_usd) FROM model_calls
        WHERE model_version = '1.6.0' AND ts >= '2026-10-20 09:00:00+00' AND ts < '2026-10-22 15:00:00+00'
        """
    )[0]
    assert list(app.dataframe[0].value["version"]) == ["tern-assist 1.6.0"]
    assert list(app.dataframe[0].value["calls"]) == [calls]
    assert metric(app, "Cost") == figures.dollars(cost)


def test_overview_says_that_data_is_stale(page: Open, demo: Path) -> None:
    """Logs that ended in October are shown, but never as the present."""
    app = page("overview", demo)
    assert "Stale: the newest event is" in app.warning[0].value
    assert "2026-10-25 23:32 UTC" in app.warning[0].value
    assert "ago" in words(app)


def test_overview_shows_what_fires(page: Open, demo: Path) -> None:
    """Both alerts that nobody resolved are shown, also the one whose data went missing, each with a way to its card."""
    app = page("overview", demo)
    assert metric(app, "Alerts firing") == "2"
    alerts = [link for link in links(app) if "alert=" in link.query_string]
    assert [("customers" in link.label, "answers slow" in link.label) for link in alerts] == [
        (True, False),
        (False, True),
    ]
    assert app.dataframe[0].value.set_index("version").loc["tern-assist 1.6.0", "firing"] == 1


def test_overview_charts(page: Open, demo: Path, sql: Ask) -> None:
    """The traffic chart holds every call of the period, and the latency chart is shaded where its alert fired."""
    traffic, errors, latency, cost = charts(page("overview", demo, range="all"))
    rows = traffic["layer"][-1]["data"]["values"]
    (calls,) = sql("SELECT count(*) FROM model_calls")[0]
    assert sum(row["y2"] - row["y"] for row in rows) == calls
    shades = latency["layer"][1]["data"]["values"]
    assert {shade["alert"] for shade in shades} == {"answers slow was firing"}
    (total,) = sql("SELECT sum(cost_usd) FROM model_calls")[0]
    assert sum(row["y2"] - row["y"] for row in cost["layer"][-1]["data"]["values"]) == pytest.approx(total)
    assert max(row["y"] for row in errors["layer"][-1]["data"]["values"]) > 0.5


def test_alerts(page: Open, demo: Path, sql: Ask) -> None:
    """What fires is on cards, what fired is in the history, and the monitor's last look is told."""
    app = page("alerts", demo)
    said = words(app)
    assert "median account age is 62 days" in said
    assert "p95 of 1\\.6\\.0 is 5710 ms" in said
    assert "Its data went missing (no data since 2026-10-23 00:00 UTC)" in said
    assert "The monitor looked last" in said
    fired = sql("SELECT count(*) FROM alert_history WHERE state IN ('firing', 'resolved', 'error')")[0][0]
    assert len(app.dataframe[0].value) == fired


def test_alert_leads_to_its_traces(page: Open, demo: Path, sql: Ask) -> None:
    """An alert's link opens the traces of its window and labels, the slowest first."""
    app = page("alerts", demo)
    (link,) = [one for one in links(app) if "slowest" in one.label]
    params = {name: value[0] for name, value in parse_qs(link.query_string).items()}
    assert params == {
        "range": "custom",
        "from": "2026-10-20T12:00",
        "until": "2026-10-21T00:00",
        "model_version": "1.6.0",
        "sort": "slowest",
    }
    listed = page("traces", demo, **params).dataframe[0].value
    expected = sql(
        """
        SELECT trace_id FROM traces
        WHERE started_at >= '2026-10-20 12:00:00+00' AND started_at < '2026-10-21 00:00:00+00'
            AND trace_id IN (SELECT trace_id FROM spans WHERE model_version = '1.6.0')
        ORDER BY duration_ms DESC
        """
    )
    assert list(listed["trace"]) == [trace for (trace,) in expected]
    assert len(expected) > 10


def test_alert_by_link(page: Open, demo: Path, sql: Ask) -> None:
    """A shared link to an alert that is over still shows its card first; one to no alert says so."""
    ((event,),) = sql("SELECT event_id FROM alert_history WHERE rule = 'tool failing' AND state = 'firing'")
    said = words(page("alerts", demo, alert=event))
    assert "36% of 72 calls of order\\_lookup failed" in said.replace("\\%", "%")
    assert "There is no alert nothing" in words(page("alerts", demo, alert="nothing"))


def test_alerts_history_by_state(page: Open, demo: Path, sql: Ask) -> None:
    """The history is filtered by rule and state, and the filter is part of the link."""
    app = page("alerts", demo, rule="tool failing", state="pending")
    (expected,) = sql("SELECT count(*) FROM alert_history WHERE rule = 'tool failing' AND state = 'pending'")[0]
    assert set(app.dataframe[0].value["to"]) == {"pending"}
    assert len(app.dataframe[0].value) == expected


def test_traces_in_every_order(page: Open, demo: Path, sql: Ask) -> None:
    """The first trace of each order is the one that SQL puts first."""
    for order, column in (("slowest", "duration_ms"), ("costliest", "cost_usd"), ("failed", "failed_spans")):
        app = page("traces", demo, range="all", sort=order)
        best = sql(f"SELECT max({column}) FROM traces")
        shown = app.dataframe[0].value["trace"][0]
        assert sql(f"SELECT {column} FROM traces WHERE trace_id = $shown", shown=shown) == best
        assert "The first 200 of 2,508 traces" in words(app)


def test_traces_by_tool_and_status(page: Open, demo: Path, sql: Ask) -> None:
    """Filters limit the list to traces that hold such a span."""
    app = page("traces", demo, range="all", tool="order_lookup", status="error")
    (expected,) = sql(
        """
        SELECT count(*) FROM traces
        WHERE status = 'error' AND trace_id IN (SELECT trace_id FROM spans WHERE tool = 'order_lookup')
        """
    )[0]
    assert f"{expected:,} traces" in words(app)
    assert set(app.dataframe[0].value["status"]) == {"✕ error"}


def test_unknown_filter_value_finds_nothing(page: Open, demo: Path) -> None:
    """A link whose tool nobody has called shows an empty list, not the list without the filter."""
    app = page("traces", demo, range="all", tool="never_called")
    assert "No trace began in this time that fits" in words(app)


@pytest.mark.parametrize("kind", ["trace", "request", "span", "id"])
def test_trace_by_any_id(page: Open, demo: Path, sql: Ask, kind: str) -> None:
    """A link by any ID opens the trace, with its figures and a bar for each span."""
    trace, request, duration, spans, cost = sql(
        "SELECT trace_id, request_id, duration_ms, spans, cost_usd FROM traces ORDER BY failed_spans DESC, 1 LIMIT 1"
    )[0]
    (span_id,) = sql("SELECT max(span_id) FROM spans WHERE trace_id = $t", t=trace)[0]
    value = {"trace": trace, "request": request, "span": span_id, "id": request}[kind]
    app = page("traces", demo, **{kind: value})
    assert metric(app, "Duration") == figures.milliseconds(duration)
    assert metric(app, "Spans") == str(spans)
    assert metric(app, "Cost") == figures.dollars(cost)
    (waterfall,) = charts(app)
    assert len(waterfall["layer"][0]["data"]["values"]) == spans
    if kind == "span":
        (shown,) = [s for s in app.selectbox if s.label == "Span"]
        ids = [row["span ID"] for row in app.dataframe[-1].value.to_dict("records")]
        assert ids[shown.value] == span_id


def test_front_page_follows_links(page: Open, demo: Path, sql: Ask) -> None:
    """A link to the front page with an ID or a view leads to the page that shows it."""
    (request,) = sql("SELECT min(request_id) FROM requests")[0]
    assert page("overview", demo, request=request).title[0].value == "Traces"
    assert page("overview", demo, view="llm_calls").title[0].value == "SQL"
    assert page("overview", demo, alert="x").title[0].value == "Alerts"


def test_session_lists_its_traces(page: Open, demo: Path, sql: Ask) -> None:
    """A session's ID lists its traces, whenever they were."""
    session, traces = sql(
        "SELECT session_id, count(*) FROM traces WHERE session_id IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
    )[0]
    app = page("traces", demo, session=session)
    assert len(app.dataframe[0].value) == traces
    assert "is a session ID" in words(app)


def test_run_of_predictions_lists_traces(page: Open, demo: Path, sql: Ask) -> None:
    """A training run's ID finds the traces in which its model answered, although no span carries it."""
    (traces,) = sql("SELECT count(DISTINCT trace_id) FROM predictions WHERE run_id = 'run-2026-10-16-b'")[0]
    app = page("traces", demo, run="run-2026-10-16-b")
    assert len(app.dataframe[0].value) == traces


def test_run_without_traces_lists_events(page: Open, demo: Path, sql: Ask) -> None:
    """A run that no trace belongs to is shown by its events."""
    run, events = sql(
        """
        SELECT run_id, count(*) FROM events WHERE run_id NOT IN
            (SELECT run_id FROM events WHERE run_id IS NOT NULL AND trace_id IS NOT NULL)
        GROUP BY 1 ORDER BY 1 LIMIT 1
        """
    )[0]
    app = page("traces", demo, run=run)
    assert "no waterfall to draw" in words(app)
    assert len(app.dataframe[0].value) == events


def test_unknown_id_offers_what_is_near(page: Open, demo: Path, sql: Ask) -> None:
    """An ID that was cut off is completed; one that nothing resembles is said not to be there."""
    (request,) = sql("SELECT min(request_id) FROM requests")[0]
    app = page("traces", demo, id=request[:-3])
    assert "Nothing in this lake carries the ID" in words(app)
    assert any(f"id={request}" in link.query_string for link in links(app))
    assert "reckon status" in words(page("traces", demo, id="zzzzzzzz"))


def test_search_box(page: Open, demo: Path, sql: Ask) -> None:
    """What is typed into the search box is looked for."""
    (trace,) = sql("SELECT min(trace_id) FROM traces")[0]
    app = page("traces", demo)
    app.text_input[0].set_value(f"  {trace.upper()} ")
    app.button[0].click().run()
    assert any(trace in link.label for link in links(app))


def test_sql_answers(page: Open, demo: Path, sql: Ask) -> None:
    """The view of a link is described, its query is offered, and running it gives its rows."""
    app = page("sql", demo, view="tools")
    assert app.selectbox[0].value == "tools"
    assert "FROM tools" in app.text_area[0].value
    columns = [name for (name, *_) in sql("DESCRIBE tools")]
    assert list(app.dataframe[0].value["column"]) == columns
    app.button[0].click().run()
    assert len(app.dataframe[0].value) == len(sql("SELECT * FROM tools"))
    assert "as of the ingest of" in words(app)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM latency_by_versio", "did you mean"),
        ("COPY events TO 'x'", "refused"),
        ("SELECT * FROM read_csv('/etc/passwd')", "refused"),
        ("SELECT 1; SELECT 2", "one at a time"),
        ("ATTACH 'x' AS y", "refused"),
        ("   ", "there is no query"),
    ],
)
def test_sql_says_what_is_wrong(page: Open, demo: Path, query: str, said: str) -> None:
    """A query that is wrong or does more than read is answered with what is wrong, and a hint."""
    app = page("sql", demo)
    app.text_area[0].set_value(query)
    app.button[0].click().run()
    assert said in words(app).replace("\\", "")
    assert len(app.error) == 1


def test_sql_says_when_rows_are_missing(page: Open, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits are stated, and an answer that they cut says so."""
    monkeypatch.setenv("DEADRECKON_QUERY_MAX_ROWS", "7")
    app = page("sql", demo)
    assert "At most 7 rows" in words(app)
    app.text_area[0].set_value("SELECT event_id FROM events")
    app.button[0].click().run()
    assert len(app.dataframe[0].value) == 7
    assert "Only the first 7 rows" in words(app)


def test_pages_ignore_limits_meant_for_guests(page: Open, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on the rows of people's queries does not make the pages' own figures wrong."""
    whole = metric(page("overview", demo, range="all"), "Requests")
    monkeypatch.setenv("DEADRECKON_QUERY_MAX_ROWS", "2")
    app = page("overview", demo, range="all")
    assert metric(app, "Requests") == whole
    assert len(app.dataframe[0].value) == 5


def test_unknown_view_is_said(page: Open, demo: Path) -> None:
    """A link to a view that is not there says so, and nothing of it is run."""
    app = page("sql", demo, view="events; DROP VIEW events")
    assert "There is no view" in words(app)
    assert "DROP" not in app.text_area[0].value
