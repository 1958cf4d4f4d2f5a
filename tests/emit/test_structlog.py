"""Inside an application that has structlog."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog
from tests.emit.conftest import SpoolFolder

from deadreckon import emit


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    """Leave structlog as it was."""
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_the_processor_writes_and_passes_on_unchanged(spool: SpoolFolder, capsys: pytest.CaptureFixture[str]) -> None:
    """The console looks as before; the spool has the event with its IDs."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            emit.Processor(),
            structlog.processors.KeyValueRenderer(key_order=["event", "a"], drop_missing=True),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(request_id="r-1")
    with emit.bound(session_id="s-1"), emit.span("outer") as outer:
        structlog.get_logger(bound=1).warning("careful", a=2)
    printed = capsys.readouterr().out
    assert printed.startswith("event='careful' a=2")
    assert "session_id" not in printed
    event = spool.events("careful")[0]
    assert (event["level"], event["a"], event["bound"]) == ("warning", 2, 1)
    assert (event["request_id"], event["session_id"], event["span_id"]) == ("r-1", "s-1", outer.span_id)
    assert "timestamp" not in event


def test_the_processor_can_show_the_ids_on_the_console(spool: SpoolFolder, capsys: pytest.CaptureFixture[str]) -> None:
    """For people who copy a trace id from the terminal into a query."""
    structlog.configure(
        processors=[emit.Processor(stamp=True), structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(),
    )
    with emit.bound(request_id="r-1"):
        structlog.get_logger().info("x")
    assert json.loads(capsys.readouterr().out)["request_id"] == "r-1"


def test_the_processor_takes_exceptions(spool: SpoolFolder, capsys: pytest.CaptureFixture[str]) -> None:
    """Before structlog turns them into text."""
    structlog.configure(
        processors=[emit.Processor(), structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.PrintLoggerFactory(),
    )
    try:
        {}["gone"]
    except LookupError:
        structlog.get_logger().exception("x")
    assert (spool.event()["error_type"], spool.event()["error_message"]) == ("KeyError", "'gone'")
    assert "gone" in capsys.readouterr().out


def test_the_renderer_gives_canonical_lines_for_any_output(
    spool: SpoolFolder, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A container logs to stdout, and what collects stdout is ingested as it is."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, emit.Renderer(as_bytes=True)],
        logger_factory=structlog.BytesLoggerFactory(),
    )
    with emit.bound(request_id="r-1"):
        structlog.get_logger().error("x", value=2**70, user_id="bob")
    event = json.loads(capsysbinary.readouterr().out)
    assert (event["event"], event["level"], event["kind"], event["request_id"]) == ("x", "error", "log", "r-1")
    assert {"ts", "event_id", "service"} <= set(event)
    assert event["user_id"].startswith("sha256:")
    assert not spool.path.exists()


def test_the_renderer_gives_text_by_default(spool: SpoolFolder, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSONRenderer does."""
    structlog.configure(processors=[emit.Renderer()], logger_factory=structlog.PrintLoggerFactory())
    structlog.get_logger().info("x", kind="decision")
    assert json.loads(capsys.readouterr().out)["kind"] == "decision"


def test_the_logger_can_be_structlogs_wrapper_class(spool: SpoolFolder) -> None:
    """Every `structlog.get_logger()` of a program becomes fast, with the processors it has."""

    def mask(_: object, __: str, event: dict[str, object]) -> dict[str, object]:
        if event["event"] == "drop":
            raise structlog.DropEvent
        if event["event"] == "fail":
            raise RuntimeError("oops")
        return {**event, "card": "****"}

    structlog.configure(
        wrapper_class=emit.Logger,
        processors=[mask, structlog.dev.ConsoleRenderer()],
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    log = structlog.get_logger(a=1).bind(b=2)
    log.info("paid %d", 3, card="4111", user_id="bob")
    log.info("drop")
    log.info("fail", card="4111")
    paid, failed = spool.events()
    assert (paid["event"], paid["card"], paid["a"], paid["b"]) == ("paid 3", "****", 1, 2)
    assert paid["user_id"].startswith("sha256:")
    assert (failed["event"], failed["name"]) == ("emit.failed", "fail")
    assert "card" not in failed


def test_structlogs_default_processors_may_stay(spool: SpoolFolder) -> None:
    """They stamp a time and level of their own, which the line has already."""
    structlog.configure(wrapper_class=emit.Logger, logger_factory=structlog.ReturnLoggerFactory())
    structlog.get_logger().warning("x", a=1)
    event = spool.event()
    assert (event["event"], event["level"], event["a"]) == ("x", "warning", 1)
    assert "timestamp" not in event


def test_the_renderer_runs_the_configured_processors(spool: SpoolFolder, capsys: pytest.CaptureFixture[str]) -> None:
    """What is masked in the spool is masked on stdout; what is dropped is not printed."""

    def mask(_: object, __: str, event: dict[str, object]) -> dict[str, object]:
        if event["event"] == "drop":
            raise structlog.DropEvent
        return {**event, "card": "****"}

    spool.configure(processors=[mask])
    structlog.configure(processors=[emit.Renderer()], logger_factory=structlog.PrintLoggerFactory())
    structlog.get_logger().info("drop")
    structlog.get_logger().info("x", card="4111")
    assert json.loads(capsys.readouterr().out)["card"] == "****"


def test_what_structlog_bound_reaches_helpers_when_asked(spool: SpoolFolder) -> None:
    """A middleware that binds through structlog serves spans and metrics too."""
    spool.configure(structlog_context=True)
    structlog.contextvars.bind_contextvars(request_id="r-1", a="structlog")
    with emit.bound(a="emit"):
        emit.metric("m", 1)
    assert (spool.event()["request_id"], spool.event()["a"]) == ("r-1", "emit")
