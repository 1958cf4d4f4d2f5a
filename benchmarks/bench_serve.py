"""The receiver against a bare endpoint, and against what it costs the sender to encode the same spans.

The bare endpoint is the same starlette and uvicorn: it reads the body, writes it to a file as it is and forces it to
the disk, one request after the other, and knows nothing of what it took. Both get the same requests of 512 spans (what
OpenTelemetry's batch processor sends) from the same 8 connections, in turn. A span must cost the receiver no more
processor time than OpenTelemetry's SDK takes to encode it: a receiver on the sender's machine costs less than sending.
"""

from __future__ import annotations

import http.client
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REQUESTS = int(os.environ.get("BENCH_REQUESTS", "240"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
CONNECTIONS = 8
SPANS = 512
MOST_OF_ENCODING = 1.0

OURS = """
import sys
from deadreckon.cli import main
sys.exit(main(["serve", "--port", "0"]))
"""
BARE = """
import os, socket, sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

file = os.open("bodies", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

async def take(request):
    os.write(file, await request.body())
    os.fsync(file)
    return Response(b"")

app = Starlette(routes=[Route("/v1/traces", take, methods=["POST"])])
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")).run([listener])
"""


@dataclass(frozen=True)
class Run:
    """One server's turn: seconds that passed, and seconds of processor time that it took for the requests."""

    wall: float
    cpu: float


def main() -> int:
    """Print medians and ratios; 1 when the bound is missed."""
    bodies, encoding = _encoded()
    idle = {code: _turn(code, bodies, 0).cpu for code in (OURS, BARE)}
    ours, bare = [], []
    for number in range(ROUNDS):
        for code, runs in ((BARE, bare), (OURS, ours)):
            run = _turn(code, bodies, REQUESTS)
            runs.append(Run(run.wall, run.cpu - idle[code]))
        print(f"round {number + 1}: bare {bare[-1].wall:.2f} s, reckon serve {ours[-1].wall:.2f} s", flush=True)
    spans = REQUESTS * SPANS
    print(f"{'':14}{'spans/s':>10}{'CPU us/span':>14}")
    print(f"{'SDK encoding':14}{1 / encoding:10,.0f}{encoding * 1e6:14.1f}")
    for name, runs in (("bare endpoint", bare), ("reckon serve", ours)):
        wall, cpu = (statistics.median(getattr(run, what) for run in runs) for what in ("wall", "cpu"))
        print(f"{name:14}{spans / wall:10,.0f}{cpu / spans * 1e6:14.1f}")
    speed = statistics.median(b.wall / o.wall for b, o in zip(bare, ours, strict=True))
    share = statistics.median(run.cpu for run in ours) / spans / encoding
    print(f"accepted and forced to the disk at {speed:.2f} of the bare endpoint's speed")
    print(f"processor time per span: {share:.2f} of the SDK's encoding (at most {MOST_OF_ENCODING})")
    return int(share > MOST_OF_ENCODING)


def _encoded() -> tuple[list[bytes], float]:
    """Requests as the SDK makes them, each with other spans, and the seconds of processor time it took per span."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

    made: list[ReadableSpan] = []

    class Collect(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            made.extend(spans)
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Collect()))
    tracer = provider.get_tracer("bench")
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.response.model": "gpt-5-2026-08-01",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 1532,
        "gen_ai.usage.output_tokens": 211,
        "gen_ai.request.temperature": 0.7,
        "session.id": "s-17",
        "user.id": "bob",
        "gen_ai.input.messages": '[{"role": "user", "content": "' + "Where is my order? " * 20 + '"}]',
        "gen_ai.output.messages": '[{"role": "assistant", "content": "' + "It left our house. " * 20 + '"}]',
    }
    bodies, times = [], []
    for _ in range(20):
        made.clear()
        for number in range(SPANS):
            tracer.start_span(f"step {number}", attributes=attributes).end()
        started = time.process_time()
        bodies.append(encode_spans(made).SerializeToString())
        times.append(time.process_time() - started)
    return bodies, statistics.median(times) / SPANS


def _turn(code: str, bodies: list[bytes], requests: int) -> Run:
    with tempfile.TemporaryDirectory(prefix="deadreckon-bench-") as folder:
        server = subprocess.Popen(
            [sys.executable, "-c", code], cwd=Path(folder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert server.stdout
        place = server.stdout.readline().decode().strip().removeprefix("http://")
        failures: list[BaseException] = []

        def send(first: int) -> None:
            connection = http.client.HTTPConnection(place, timeout=60)
            try:
                for number in range(first, requests, CONNECTIONS):
                    body = bodies[number % len(bodies)]
                    connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
                    answer = connection.getresponse()
                    assert (answer.status, answer.read()) == (200, b"")
            except BaseException as error:
                failures.append(error)
                raise

        started = time.perf_counter()
        senders = [threading.Thread(target=send, args=(first,)) for first in range(CONNECTIONS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        wall = time.perf_counter() - started
        if requests == 0:
            time.sleep(1)  # it was not asked anything yet: let it come up
        server.send_signal(signal.SIGTERM)
        _, _, usage = os.wait4(server.pid, 0)
        server.returncode = 0
        server.stdout.close()
        assert not failures
        return Run(wall, usage.ru_utime + usage.ru_stime)


if __name__ == "__main__":
    sys.exit(main())
