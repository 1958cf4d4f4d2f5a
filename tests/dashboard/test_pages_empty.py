"""The pages where there is little or nothing to show: each says so, and what to do next."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.dashboard.conftest import Open
from tests.dashboard.lakes import add, alert, call, span
from tests.dashboard.reading import links, metric, words

from deadreckon.core.lake import Lake

PAGES = ("overview", "traces", "alerts", "sql")


@pytest.mark.parametrize("name", PAGES)
def test_no_lake(page: Open, tmp_path: Path, name: str) -> None:
    """Without a lake every page says where it looked, and how to make one."""
    app = page(name, tmp_path / "nowhere")
    assert app.title[0].value == "There is no lake yet"
    assert "nowhere" in words(app)
    assert any("reckon ingest" in code.value for code in app.code)
    assert any("reckon demo" in code.value for code in app.code)


@pytest.mark.parametrize("name", PAGES)
def test_damaged_lake(page: Open, tmp_path: Path, name: str) -> None:
    """A lake whose log is damaged is said to be so, and the doctor is named."""
    root = add(tmp_path / "lake", [span("t", "s", 0)])
    newest = max((root / "events" / "_delta_log").glob("*.json"))
    newest.write_text(newest.read_text()[:40])
    app = page(name, root)
    assert app.title[0].value == "The lake is damaged"
    assert any("reckon doctor" in code.value for code in app.code)


@pytest.mark.parametrize("name", ["overview", "traces", "alerts"])
def test_empty_lake(page: Open, tmp_path: Path, name: str) -> None:
    """A lake without an event says so and how to fill it."""
    Lake.create(tmp_path / "lake")
    app = page(name, tmp_path / "lake")
    assert app.title[0].value == "The lake is empty"
    assert any("reckon ingest LOGS --lake" in code.value for code in app.code)


def test_empty_lake_answers_sql(page: Open, tmp_path: Path) -> None:
    """SQL works on an empty lake, and finds nothing."""
    Lake.create(tmp_path / "lake")
    app = page("sql", tmp_path / "lake")
    app.button[0].click().run()
    assert "0 rows" in words(app)


def test_only_refused_lines(page: Open, tmp_path: Path) -> None:
    """A lake of nothing but refused lines says how many there are and how to see them."""
    app = page("overview", add(tmp_path / "lake", ["no json", '{"ts": "never"}']))
    assert "2 lines were refused" in words(app)
    assert any("reckon quarantine list" in code.value for code in app.code)


def test_wrong_settings(page: Open, tmp_path: Path) -> None:
    """Settings that make no sense are explained on the page."""
    (tmp_path / "deadreckon.toml").write_text("[query]\nmax_rowz = 3\n")
    app = page("overview", tmp_path / "lake")
    assert "max\\_rowz" in words(app)
    assert "max\\_rows" in words(app)


def test_lines_without_calls(page: Open, tmp_path: Path) -> None:
    """Logs without a model call or a span have pages of their own kind of nothing."""
    root = add(tmp_path / "lake", [{"ts": "2026-10-01T12:00:00Z", "event": "hello"}])
    assert "No model was called in this time" in words(page("overview", root))
    assert "No trace began in this time" in words(page("traces", root))
    alerts = words(page("alerts", root))
    assert "Nothing fires" in alerts
    assert "Nobody keeps watch" in alerts
    assert "No rule has changed its state yet" in alerts


def test_nothing_to_compare_with(page: Open, tmp_path: Path) -> None:
    """In the first days of a lake no figure is compared with the nothing before it."""
    app = page("overview", add(tmp_path / "lake", [call("t", "s", 0, request_id="r")]))
    assert metric(app, "Requests") == "1"
    assert {m.delta for m in app.metric} == {""}


def test_unpriced_calls_are_not_free(page: Open, tmp_path: Path) -> None:
    """A cost that nobody knows is a dash, not a zero, and the calls are counted as unpriced."""
    app = page("overview", add(tmp_path / "lake", [call("t", "s", 0, cost_usd=None)]))
    assert metric(app, "Cost") == "\N{EN DASH}"
    assert list(app.dataframe[0].value["unpriced"]) == [1]


def test_fresh_data_does_not_look_stale(page: Open, tmp_path: Path) -> None:
    """What was logged a minute ago is fresh."""
    now = datetime.now(UTC)
    root = add(tmp_path / "lake", [call("t", "s", 0) | {"ts": (now - timedelta(minutes=1)).isoformat()}], now=now)
    app = page("overview", root)
    assert "Stale" not in words(app)
    assert "less than a minute ago" in words(app) or "1 minute ago" in words(app)


def test_stale_after_is_a_setting(page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ingests once a day says so, and is not warned of data from this morning."""
    now = datetime.now(UTC)
    root = add(tmp_path / "lake", [call("t", "s", 0) | {"ts": (now - timedelta(hours=5)).isoformat()}], now=now)
    assert "Stale" in words(page("overview", root))
    monkeypatch.setenv("DEADRECKON_STALE_AFTER_S", str(24 * 3600))
    assert "Stale" not in words(page("overview", root))


def test_page_notices_new_events(page: Open, tmp_path: Path) -> None:
    """After an ingest the next run of a page shows what is new."""
    root = add(tmp_path / "lake", [call("t", "s", 0, request_id="a")])
    app = page("overview", root)
    assert metric(app, "Requests") == "1"
    add(root, [call("u", "s", 1, request_id="b")])
    assert metric(app.run(), "Requests") == "2"


def test_hostile_text_stays_text(page: Open, tmp_path: Path) -> None:
    """Markdown, HTML and Streamlit's directives in a log are shown as they were written, in every place."""
    evil = "![x](http://evil.example/x.png) <script>alert(1)</script> :red[x] $\\pi$ [a](javascript:alert(1))"
    root = add(
        tmp_path / "lake",
        [
            call("t", "s", 0, name=evil, agent=evil, model=evil, model_version=evil, environment=evil, tool=evil)
            | {"request_id": evil, "session_id": evil, "user_id": evil, "error_message": evil, "status": "error"},
            alert(evil, "firing", 30, labels={"model_version": evil, evil: evil}, runbook=evil),
        ],
    )
    for app in (
        page("overview", root, range="all"),
        page("alerts", root),
        page("traces", root, trace="t"),
        page("traces", root, id=evil),
        page("sql", root, view=evil),
    ):
        said = words(app) + "".join(link.label for link in links(app))
        unescaped = re.sub(r"\\.", "", said)
        for harm in ("![", "](", "<script", "<", ":red[x]", "$"):
            assert harm not in unescaped
    assert any(evil in code.value for code in page("traces", root, trace="t").code)


def test_unexpected_error_shows_no_trace(page: Open, tmp_path: Path) -> None:
    """A lake whose files were taken away is explained, without a stack trace on the page."""
    root = add(tmp_path / "lake", [span("t", "s", 0)])
    for file in root.glob("events/part=events/**/*.parquet"):
        file.unlink()
    app = page("overview", root)
    assert not app.exception
    assert "cannot be read" in words(app)
    assert "reckon doctor" in words(app)
