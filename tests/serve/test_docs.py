"""docs/serve.md: its example runs, its options are those that there are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.serve.servers import Server

from deadreckon.cli import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "serve.md").read_text()


def test_the_example_runs(tmp_path: Path) -> None:
    """What it sends is found by the query below it."""
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (query,) = re.findall(r'\$ reckon sql "(.*?)"', PAGE)
    with Server(tmp_path) as server:
        environ = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": server.url}
        subprocess.run([sys.executable, "-c", example], check=True, env=environ, timeout=60)
        server.stop()
        server.ingested()
    asked = subprocess.run(
        [sys.executable, "-c", "import sys; from deadreckon.cli import main; sys.exit(main())", "sql", query],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"tern-assist"' in asked.stdout


def test_every_option_is_described(capsys: object) -> None:
    """The table names the options of `reckon serve --help`, and no other."""
    assert main(["serve", "--help"]) == 0
    shown = capsys.readouterr().out  # type: ignore[attr-defined]
    common = {"--lake", "--config", "--help", "--version"}
    real = set(re.findall(r"--[a-z][a-z-]+", shown)) - common
    table = PAGE.partition("## Limits")[2].partition("##")[0]
    described = set(re.findall(r"`(--[a-z-]+)`", table)) | set(re.findall(r", `(--[a-z-]+)`", table))
    assert described == {name for name in real if not name.startswith("--no-")}


def test_messages_that_are_quoted_are_real(tmp_path: Path) -> None:
    """The reason in the page is what the receiver says."""
    with Server(tmp_path) as server:
        body = b'{"resourceSpans":[{"scopeSpans":[{"spans":{}}]}]}'
        _, said, _ = server.post("/v1/traces", body, {"Content-Type": "application/json"})
        assert "resourceSpans[0].scopeSpans[0].spans is no list of objects" in said.decode()
    assert "resourceSpans[0].scopeSpans[0].spans is no list of objects" in PAGE
