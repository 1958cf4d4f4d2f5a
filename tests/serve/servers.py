"""A real `reckon serve` in a process of its own, and what it left in its spool."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.ingest.lakes import Place

RECKON = "import sys; from deadreckon.cli import main; sys.exit(main())"


class Server:
    """Runs in `root`: spool and lake are there. `stop` ends it as an operator does, `kill` as a power cut does."""

    def __init__(self, root: Path, *words: str, port: int = 0, before: str = "", **environ: str) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.errors = root / "stderr"
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", before + RECKON, "serve", "--port", str(port), *words],
                cwd=root,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | environ,
            )
        assert self.process.stdout
        line = self.process.stdout.readline().decode()
        if not line:
            self.process.wait(60)
            self.process.stdout.close()
            raise AssertionError(self.errors.read_text())
        self.url = line.strip()
        self.port = int(self.url.rpartition(":")[2])
        self.grpc = self.process.stdout.readline().decode().strip() if "--grpc" in words else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
        assert self.process.stdout
        self.process.stdout.close()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(120)  # with --ingest it may itself take a minute for what is left

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/x-protobuf", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def spooled(self) -> list[dict[str, Any]]:
        """The lines of the spool."""
        files = sorted((self.root / "spool").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]

    def names(self) -> list[str]:
        """The names of the spans that are in the lake by now."""
        if not (self.root / "lake" / "events" / "_delta_log").is_dir():
            return []
        return sorted(row["name"] for row in Place(self.root).events())

    def ingested(self) -> Place:
        """The lake after a run of ingest over the spool."""
        place = Place(self.root)
        place.ingest(self.root / "spool")
        return place
