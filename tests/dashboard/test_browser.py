"""Journeys in a real Chromium: what people click, and a console without a single error."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from tests.dashboard.lakes import add, alert, call
from tests.dashboard.running import dashboard

from deadreckon.dashboard.look import figures
from deadreckon.queries import connect

pytestmark = pytest.mark.browser

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
WAIT_MS = 60_000


@dataclass
class Complaints:
    """Everything that a browser had to complain of."""

    found: list[str] = field(default_factory=list)

    def listen(self, page: Page, url: str) -> None:
        """Note errors on the console and in scripts, requests that fail, and any that leave this machine."""
        local = (url, url.replace("http", "ws", 1), "data:", "blob:")
        page.on("console", lambda m: self.found.append(f"console: {m.text}") if m.type == "error" else None)
        page.on("pageerror", lambda e: self.found.append(f"script: {e}"))
        page.on("requestfailed", lambda r: self.found.append(f"failed: {r.url} {r.failure}"))
        page.on("request", lambda r: None if r.url.startswith(local) else self.found.append(f"foreign: {r.url}"))
        page.on("dialog", lambda d: self.found.append(f"dialog: {d.message}"))


def chromium() -> str:
    """Where Chromium is; without one, CI fails and others skip."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path:
        return path
    reason = "no Chromium found: apt-get install chromium, or set CHROMIUM to its path"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def browsing(lake: Path, folder: Path) -> Iterator[tuple[Page, str, Complaints]]:
    """A browser's page, the address of a dashboard for this lake, and what the browser complains of."""
    path = chromium()
    with (
        dashboard(lake, folder=folder) as (url, _),
        sync_playwright() as playwright,
        playwright.chromium.launch_persistent_context(
            str(folder / "profile"),
            executable_path=path,
            headless=True,
            args=list(FLAGS),
            viewport={"width": 1400, "height": 1000},
        ) as browser,
    ):
        page = browser.new_page()
        page.set_default_timeout(WAIT_MS)
        complaints = Complaints()
        complaints.listen(page, url)
        yield page, url, complaints


def test_from_a_firing_alert_to_a_slow_trace(demo: Path, tmp_path: Path) -> None:
    """An alert on the overview, its card, the slowest traces of its window, the waterfall of one, a span of it."""
    con = connect(demo)
    try:
        trace, duration, spans, second = con.execute(
            """
            SELECT t.trace_id, t.duration_ms, t.spans, (
                SELECT s.name FROM spans AS s WHERE s.trace_id = t.trace_id ORDER BY s.ts LIMIT 1 OFFSET 1
            )
            FROM traces AS t
            WHERE t.started_at >= '2026-10-20 12:00:00+00' AND t.started_at < '2026-10-21 00:00:00+00'
                AND t.trace_id IN (SELECT trace_id FROM spans WHERE model_version = '1.6.0')
            ORDER BY t.duration_ms DESC LIMIT 1
            """
        ).fetchall()[0]
    finally:
        con.close()
    with browsing(demo, tmp_path) as (page, url, complaints):
        page.goto(url)
        expect(page.get_by_role("heading", name="Overview")).to_be_visible(timeout=WAIT_MS)
        expect(page.get_by_text("Stale: the newest event is")).to_be_visible()
        expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(4, timeout=WAIT_MS)
        page.get_by_role("link", name=re.compile("answers slow")).click()

        expect(page.get_by_role("heading", name="Firing now")).to_be_visible(timeout=WAIT_MS)
        card = page.get_by_text("➤")
        expect(card).to_contain_text("p95 of 1.6.0 is 5710 ms")
        page.get_by_role("link", name="The slowest traces in this window").click()

        expect(page.get_by_text("Click one to see it span by span.")).to_be_visible(timeout=WAIT_MS)
        grid = page.get_by_test_id("stDataFrame").locator("canvas").first
        expect(grid).to_be_visible()
        grid.scroll_into_view_if_needed()
        box = grid.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 60, box["y"] + 52)  # the first row: what is on the canvas is no element

        waterfall = page.get_by_label(re.compile(rf"Waterfall of {spans} spans")).first
        expect(waterfall).to_be_visible(timeout=WAIT_MS)
        expect(page.get_by_role("link", name=f"Trace {trace}")).to_be_visible()
        expect(page.get_by_text(figures.milliseconds(duration), exact=True).first).to_be_visible()
        assert f"trace={trace}" in page.url

        picture = page.get_by_test_id("stVegaLiteChart").locator("svg.marks").first
        expect(picture).to_be_visible(timeout=WAIT_MS)
        shot = tmp_path / "waterfall.png"
        page.screenshot(path=shot)
        assert shot.stat().st_size > 20_000
        assert second
        assert complaints.found == []


def test_a_bar_of_the_waterfall_opens_its_span(tmp_path: Path) -> None:
    """Clicking a bar shows that span's input; the page comes from a shared link."""
    root = add(
        tmp_path / "lake",
        [
            call("a" * 32, "root", 0, operation="invoke_agent", name="agent turn", duration_ms=1000.0),
            call("a" * 32, "one", 0, parent_span_id="root", name="first step", duration_ms=900.0, input="the question"),
        ],
    )
    with browsing(root, tmp_path) as (page, url, complaints):
        page.goto(f"{url}/?trace={'a' * 32}")
        picture = page.get_by_test_id("stVegaLiteChart").locator("svg.marks").first
        expect(picture).to_be_visible(timeout=WAIT_MS)
        expect(page.get_by_text("the question")).to_have_count(0)
        picture.locator("g.mark-rect.role-mark path").nth(1).click()
        expect(page.get_by_text("the question")).to_be_visible(timeout=WAIT_MS)
        assert complaints.found == []


def test_an_open_page_follows_the_lake(tmp_path: Path) -> None:
    """A page that is left open shows what was ingested since, and says so when the lake is gone; no one reloads it."""
    root = tmp_path / "lake"
    with browsing(root, tmp_path) as (page, url, complaints):
        page.goto(url)
        expect(page.get_by_text("There is no lake yet")).to_be_visible(timeout=WAIT_MS)
        add(root, [call("t", "s", 0, request_id="a")])
        requests = page.get_by_test_id("stMetric").first
        expect(requests).to_contain_text("1", timeout=WAIT_MS)
        add(root, [call("u", "s", 1, request_id="b")])
        expect(requests).to_contain_text("2", timeout=WAIT_MS)
        shutil.rmtree(root)
        expect(page.get_by_text("There is no lake yet")).to_be_visible(timeout=WAIT_MS)
        assert complaints.found == []
    assert "Traceback" not in (tmp_path / "dashboard.stderr").read_text()


def test_hostile_text_does_nothing(tmp_path: Path) -> None:
    """Markup and scripts in a log load nothing, run nothing, and are seen as they were written."""
    evil = "![x](http://evil.example/x.png) <img src=http://evil.example/y.png onerror=alert(1)> :material/home:"
    root = add(
        tmp_path / "lake",
        [
            call("b" * 32, "root", 0, name=evil, agent=evil, model_version=evil, environment=evil, input=evil),
            alert(evil, "firing", 1, labels={"model_version": evil}, runbook=evil),
        ],
    )
    with browsing(root, tmp_path) as (page, url, complaints):
        page.goto(f"{url}/?trace={'b' * 32}")
        expect(page.get_by_test_id("stCode").get_by_text(evil).first).to_be_visible(timeout=WAIT_MS)
        for name, heading in (("Alerts", "Firing now"), ("Overview", "Model versions"), ("SQL", "SQL")):
            page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
            expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible(timeout=WAIT_MS)
            assert page.locator("img[src*='evil']").count() == 0
        assert complaints.found == []
