"""Senders at full speed, a receiver that is killed meanwhile, and what is in the lake afterwards."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from tests.ingest.lakes import Place
from tests.serve.servers import Server

from deadreckon.core.lake import Lake

ROOT = Path(__file__).parents[2]


@dataclass
class Found:
    """What was acknowledged, and what arrived."""

    batch: int
    kills: int = 0
    acknowledged: set[str] = field(default_factory=set)
    arrived: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By trace id: spans, and different spans."""
    quarantined: int = 0
    seconds: float = 0.0
    duplicates: int = 0
    """Spans that were sent again though they had been written."""

    @property
    def spans(self) -> int:
        return len(self.acknowledged) * self.batch


def run(
    root: Path, *, senders: Sequence[str], kills: int, batches: int = 0, seconds: float = 0.0, batch: int = 50
) -> Found:
    """Kill the receiver so often while `senders` (raw, http, grpc) send; then stop it and read the lake.

    Between two kills as many batches are acknowledged as said, or so many seconds pass.
    """
    found = Found(batch)
    http, rpc = _free(), _free()
    stop = root / "stop"
    words = ["--ingest", "--grpc", "--grpc-port", str(rpc)]
    server = Server(root, *words, port=http)
    started = time.monotonic()
    running = [_sender(root, kind, number, http, rpc, batch, stop) for number, kind in enumerate(senders)]
    try:
        for left in range(kills, -1, -1):
            before, began = len(_acknowledged(root)), time.monotonic()
            while len(_acknowledged(root)) < before + batches or time.monotonic() < began + seconds:
                assert all(one.poll() is None for one in running), "a sender died"
                time.sleep(0.02)
            if left:
                with server:
                    server.kill()
                found.kills += 1
                server = Server(root, *words, port=http)
        stop.touch()
        for one in running:
            assert one.wait(120) == 0
        found.seconds = time.monotonic() - started
        with server:
            server.stop()
    finally:
        for one in running:
            one.kill()
        if server.process.poll() is None:
            server.kill()
    found.acknowledged = _acknowledged(root)
    place = Place(root)
    place.ingest(root / "spool")
    found.quarantined = len(place.quarantined())
    found.duplicates = sum(row["duplicates"] for row in place.ledger("source"))
    files = [str(file.path) for file in Lake.open(place.lake).snapshot().part("events")]
    with duckdb.connect() as con:
        rows = con.execute(
            "SELECT trace_id, count(*), count(DISTINCT span_id) FROM read_parquet($files) GROUP BY 1", {"files": files}
        ).fetchall()
    found.arrived = {trace: (count, distinct) for trace, count, distinct in rows}
    return found


def check(found: Found) -> None:
    """Every acknowledged span is there, and none twice."""
    whole = (found.batch, found.batch)
    lost = [trace for trace in found.acknowledged if found.arrived.get(trace) != whole]
    assert not lost, f"{len(lost)} acknowledged traces are not whole: {[found.arrived.get(t) for t in lost[:5]]}"
    doubled = [trace for trace, (count, distinct) in found.arrived.items() if count != distinct]
    assert not doubled, f"{len(doubled)} traces have spans twice"
    assert not found.quarantined


def _sender(root: Path, kind: str, number: int, http: int, rpc: int, batch: int, stop: Path) -> subprocess.Popen[bytes]:
    endpoint = f"http://127.0.0.1:{rpc if kind == 'grpc' else http}"
    words = [kind, endpoint, str(batch), str(stop), str(root / f"acknowledged.{number}")]
    with (root / f"sender.{number}").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.serve.sender", *words],
            cwd=ROOT,
            stderr=log,
            stdout=log,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )


def _acknowledged(root: Path) -> set[str]:
    return {line for file in root.glob("acknowledged.*") for line in file.read_text().splitlines() if len(line) == 32}


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
