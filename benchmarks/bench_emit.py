"""What logging an event costs, beside what it costs to write the same line by hand.

    python -m benchmarks.bench_emit

Raw is `orjson.dumps` and `os.write` of a ready dictionary of 25 fields: no id is made, no clock read, nothing is safe.
emit writes the same 25 keys from a call, with a new id and timestamp, through its lock, rotation and keeper thread.
structlog is set up as fast as it goes (orjson, BytesLogger, filtering logger), with a timestamp but no event id.
All take turns in rounds far shorter than a time slice, so that a busy machine disturbs few rounds of each, and the
figures are medians over the rounds.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import structlog

from deadreckon import emit

ROUNDS = 2000
CALLS = 20
LIMIT = 3.0

BOUND = {
    "environment": "prod",
    "run_id": "0199a2b4-7c1d-7000-8000-5d2a9c0e7f31",
    "model": "support-7b",
    "model_version": "1.4.2",
    "provider": "acme",
    "request_id": "0199a2b4-7c1d-7001-8000-5d2a9c0e7f31",
    "session_id": "0199a2b4-7c1d-7002-8000-5d2a9c0e7f31",
    "variant": "canary",
    "agent": "triage",
}


@contextlib.contextmanager
def cases(directory: Path) -> Iterator[dict[str, Callable[[], object]]]:
    """Give what is measured, by name; the first is the yardstick."""
    emit.configure(directory=directory / "spool", service="bench")
    log = emit.get_logger()
    bound = emit.get_logger(**BOUND)
    fd = os.open(directory / "raw.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    beside_file = (directory / "structlog.jsonl").open("ab", buffering=0)
    newline = orjson.OPT_APPEND_NEWLINE

    # Written out, as programs do: unpacking a dictionary into a call is a cost of its own.
    def partly() -> None:
        bound.info(
            "llm.call",
            operation="chat",
            duration_ms=812.25,
            ttft_ms=120.5,
            input_tokens=1532,
            output_tokens=211,
            cost_usd=0.00412,
            status="ok",
            finish_reason="stop",
        )

    def wholly() -> None:
        log.info(
            "llm.call",
            environment="prod",
            run_id="0199a2b4-7c1d-7000-8000-5d2a9c0e7f31",
            model="support-7b",
            model_version="1.4.2",
            provider="acme",
            request_id="0199a2b4-7c1d-7001-8000-5d2a9c0e7f31",
            session_id="0199a2b4-7c1d-7002-8000-5d2a9c0e7f31",
            variant="canary",
            agent="triage",
            operation="chat",
            duration_ms=812.25,
            ttft_ms=120.5,
            input_tokens=1532,
            output_tokens=211,
            cost_usd=0.00412,
            status="ok",
            finish_reason="stop",
        )

    partly()
    path = emit.stats().path
    assert path is not None
    event = orjson.loads(Path(path).read_bytes())
    assert len(event) == 25, f"{len(event)} fields: {list(event)}"

    fast = structlog.wrap_logger(
        structlog.BytesLogger(beside_file),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        service="bench",
        host=event["host"],
        pid=event["pid"],
        kind="log",
        **BOUND,
    ).bind()

    def beside() -> None:
        fast.info(
            "llm.call",
            operation="chat",
            duration_ms=812.25,
            ttft_ms=120.5,
            input_tokens=1532,
            output_tokens=211,
            cost_usd=0.00412,
            status="ok",
            finish_reason="stop",
        )

    def span() -> None:
        with emit.span("llm.call", operation="chat") as one:
            one.set(ttft_ms=120.5, input_tokens=1532, output_tokens=211, cost_usd=0.00412, finish_reason="stop")

    yield {
        "raw: orjson.dumps + os.write": lambda: os.write(fd, orjson.dumps(event, None, newline)),
        "emit, 9 fields bound, 8 in the call": partly,
        "emit, all 17 in the call": wholly,
        "emit.span with 6 fields": span,
        "structlog + orjson + BytesLogger": beside,
    }
    os.close(fd)
    beside_file.close()
    emit.close()
    emit.configure()


def measure(functions: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median microseconds per call of each function, taken in turns."""
    samples: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            began = time.perf_counter_ns()
            for _ in range(CALLS):
                function()
            samples[name].append((time.perf_counter_ns() - began) / CALLS / 1000)
    return {name: statistics.median(values) for name, values in samples.items()}


def main() -> int:
    """Print the table; return 1 when emit of an event costs more than 3 times raw."""
    with tempfile.TemporaryDirectory(prefix="bench-emit-") as directory, cases(Path(directory)) as functions:
        medians = measure(functions)
    yardstick = next(iter(medians.values()))
    out = io.StringIO()
    out.write(f"{'one event of 25 fields':<38}{'us':>8}{'x raw':>8}\n")
    for name, median in medians.items():
        out.write(f"{name:<38}{median:>8.2f}{median / yardstick:>8.2f}\n")
    ratio = max(median for name, median in medians.items() if name.startswith("emit, ")) / yardstick
    out.write(f"worst event: {ratio:.2f} x raw; the limit is {LIMIT:.1f} x\n")
    print(out.getvalue(), end="")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
