"""What a span costs, beside OpenTelemetry's: its BatchSpanProcessor with an exporter that does nothing.

    python -m benchmarks.bench_span

Both make a span with the same six fields, at 1 and at 8 threads, in turns within one run. Each call is timed by itself,
so that the 99th percentile shows what a caller waits when a lock is held or a batch is handed over. emit is measured
twice: as it is by default, where every span is with the operating system before the call returns, and with `buffer_ms`,
where spans wait in memory as OpenTelemetry's do. OpenTelemetry drops spans when its queue of 2048 is full, which makes
it faster; how many it dropped is printed.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from deadreckon import emit

ROUNDS = 20
CALLS = 1000
"""Of each thread in each round: so many that those made while the threads start do not reach the percentiles."""

THREADS = (1, 8)
LIMIT = 1 / 3
THEIRS = "OpenTelemetry, BatchSpanProcessor"
DEFAULT, BUFFERED = "emit.span", "emit.span, buffer_ms=20"


def ours() -> None:
    with emit.span("llm.call", operation="chat") as one:
        one.set(ttft_ms=120.5, input_tokens=1532, output_tokens=211, cost_usd=0.00412, finish_reason="stop")


def theirs() -> tuple[Callable[[], None], Callable[[], int]]:
    """A span of OpenTelemetry's, and how many of them were exported."""
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Nowhere(SpanExporter):
        exported = 0

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            self.exported += len(spans)
            return SpanExportResult.SUCCESS

    nowhere = Nowhere()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(nowhere))
    tracer = provider.get_tracer("bench")

    def call() -> None:
        with tracer.start_as_current_span("llm.call", attributes={"operation": "chat"}) as span:
            span.set_attributes(
                {
                    "ttft_ms": 120.5,
                    "input_tokens": 1532,
                    "output_tokens": 211,
                    "cost_usd": 0.00412,
                    "finish_reason": "stop",
                }
            )

    def exported() -> int:
        provider.force_flush()
        return nowhere.exported

    return call, exported


def timed(call: Callable[[], None], threads: int, calls: int) -> list[int]:
    """The nanoseconds of each call, made by so many threads at once, so many each."""
    took: list[list[int]] = [[] for _ in range(threads)]

    def work(mine: list[int]) -> None:
        clock = time.perf_counter_ns
        for _ in range(calls):
            began = clock()
            call()
            mine.append(clock() - began)

    workers = [threading.Thread(target=work, args=(mine,)) for mine in took]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [one for mine in took for one in mine]


def measure(directory: Path, rounds: int, calls: int) -> tuple[dict[tuple[str, int], tuple[float, float]], str]:
    """The median and 99th percentile in microseconds by case and threads, and what OpenTelemetry dropped."""
    call, exported = theirs()
    took: dict[tuple[str, int], list[int]] = {}
    made = 0
    for buffer_ms, name in ((0, DEFAULT), (20, BUFFERED)):
        emit.configure(directory=directory / name, service="bench", buffer_ms=buffer_ms)
        for threads in THREADS:
            for _ in range(rounds):
                for case, function in ((THEIRS, call), (name, ours)):
                    took.setdefault((case, threads), []).extend(timed(function, threads, calls))
            made += rounds * calls * threads
    emit.close()
    emit.configure()
    arrived = exported()
    return {key: (quantile(values, 0.5), quantile(values, 0.99)) for key, values in took.items()}, (
        f"OpenTelemetry exported {arrived:,} of {made:,} spans; emit dropped {emit.dropped()}"
    )


def quantile(values: Sequence[int], share: float) -> float:
    """The value below which this share lies, in microseconds."""
    return sorted(values)[int(len(values) * share)] / 1000


def main() -> int:
    """Print the table; return 1 when a span costs more than a third of OpenTelemetry's."""
    try:
        import opentelemetry.sdk.trace  # noqa: F401
    except ModuleNotFoundError:
        print("opentelemetry-sdk is not installed: pip install opentelemetry-sdk, or install the group dev")
        return 1
    with tempfile.TemporaryDirectory(prefix="bench-span-") as directory:
        found, said = measure(Path(directory), ROUNDS, CALLS)
    print(f"{'a span with 6 fields':<36}{'threads':>8}{'p50 us':>9}{'p99 us':>9}{'p50 x':>8}{'p99 x':>8}")
    worst = 0.0
    for (case, threads), (median, late) in sorted(found.items(), key=lambda item: (item[0][1], item[0][0])):
        base = found[THEIRS, threads]
        ratios = median / base[0], late / base[1]
        print(f"{case:<36}{threads:>8}{median:>9.2f}{late:>9.2f}{ratios[0]:>8.2f}{ratios[1]:>8.2f}")
        if case != THEIRS:
            worst = max(worst, *ratios)
    print(said)
    print(f"worst: {worst:.2f} of OpenTelemetry's; the limit is {LIMIT:.2f}")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
