"""Make the pictures in docs/images from the demo's lake, as it is shown by the dashboard as it is.

    python docs/make_screenshots.py [FOLDER]

Needs the extra `dashboard`, Playwright and a Chromium (CHROMIUM, or `chromium` on the path).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from deadreckon.cli.demo_run import play
from deadreckon.queries import connect

WIDTH: Final = 1280
LARGEST: Final = 200_000
"""Bytes of a picture."""
WAIT_MS: Final = 60_000
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
_IDLE: Final = """() => !document.querySelector(
    '[data-testid="stStatusWidget"], [data-testid="stSkeleton"], [data-stale="true"]')"""


def main() -> None:
    """Make every picture anew."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "images")
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder) / "demo-lake"
        play(lake, lambda _: None)
        alert, trace = _shown(lake)
        pages = {
            "overview": ("/?range=all", 1330, "light"),
            "overview-dark": ("/?range=all", 1330, "dark"),
            "alerts": (f"/?alert={alert}", 1180, "light"),
            "traces": ("/traces?range=all&sort=slowest", 1000, "light"),
            "trace": (f"/?trace={trace}", 1180, "light"),
            "sql": ("/?view=latency_by_version", 1120, "light"),
        }
        with _serving(lake) as url:
            for name, (path, height, scheme) in pages.items():
                _picture(url + path, target / f"{name}.png", height, scheme, Path(folder))


def _shown(lake: Path) -> tuple[str, str]:
    con = connect(lake)
    try:
        rows = con.execute(
            """
            SELECT
                (SELECT event_id FROM alert_history WHERE rule = 'answers slow' AND state = 'firing'
                    ORDER BY ts DESC LIMIT 1),
                (SELECT trace_id FROM traces ORDER BY failed_spans DESC, trace_id LIMIT 1)
            """
        ).fetchall()
    finally:
        con.close()
    return rows[0][0], rows[0][1]


@contextmanager
def _serving(lake: Path) -> Iterator[str]:
    code = "import sys; from deadreckon.cli import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "dashboard", "--lake", lake.name, "--no-open"],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        cwd=lake.parent,
        text=True,
    )
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _picture(url: str, file: Path, height: int, scheme: str, folder: Path) -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("no Chromium found: apt-get install chromium, or set CHROMIUM to its path")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch_persistent_context(
            str(folder / f"profile-{file.stem}"),
            executable_path=chromium,
            headless=True,
            args=list(FLAGS),
            viewport={"width": WIDTH, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
        ) as browser,
    ):
        page = browser.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(url)
        _settle(page)
        if file.stem == "sql":
            page.get_by_role("button", name="Run").click()
            expect(page.get_by_text("as of the ingest of")).to_be_visible(timeout=WAIT_MS)
            _settle(page)
        page.screenshot(path=file)
    # The pages have few colours: a palette of 256 keeps them and a third of the bytes.
    Image.open(file).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
    size = file.stat().st_size
    sys.stdout.write(f"{file}: {size / 1000:.0f} kB\n")
    if size > LARGEST:
        sys.exit(f"{file} has more than {LARGEST / 1000:.0f} kB")


def _settle(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=WAIT_MS)
    page.wait_for_timeout(1000)
    page.wait_for_function(_IDLE)
    page.wait_for_timeout(2000)  # charts and tables draw themselves once their code is there
    page.wait_for_function(_IDLE)


if __name__ == "__main__":
    main()
