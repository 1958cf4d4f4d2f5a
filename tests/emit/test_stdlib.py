"""Inside an application that logs with the standard library."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
import structlog
from tests.emit.conftest import SpoolFolder

from deadreckon import emit


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """A logger with emit's handler."""
    logger = logging.getLogger("shop.cart")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.handlers = [emit.Handler()]
    yield logger
    logger.handlers = []


def test_a_record_becomes_an_event(spool: SpoolFolder, log: logging.Logger) -> None:
    """Message, level, logger, extra and the bound IDs; the time is the record's."""
    with emit.bound(request_id="r-1"), emit.span("outer") as outer:
        log.warning("%d items", 3, extra={"cart": "c-1", "user_id": "bob"})
    event = spool.events("3 items")[0]
    assert (event["level"], event["logger"], event["cart"], event["kind"]) == ("warning", "shop.cart", "c-1", "log")
    assert (event["request_id"], event["span_id"]) == ("r-1", outer.span_id)
    assert event["user_id"].startswith("sha256:")
    assert {"msg", "args", "levelno", "lineno"}.isdisjoint(event)


def test_the_time_is_when_the_record_was_made(spool: SpoolFolder, log: logging.Logger) -> None:
    """A queue between may hold a record for a while."""
    record = logging.makeLogRecord({"msg": "x", "levelno": 20, "created": 1_790_000_000.25, "name": "q"})
    log.handle(record)
    assert spool.event()["ts"] == "2026-09-21T14:13:20.250000Z"


def test_an_exception_is_taken_along(spool: SpoolFolder, log: logging.Logger) -> None:
    """With its type, message and traceback."""
    try:
        {}["gone"]
    except LookupError:
        log.exception("failed")
    event = spool.event()
    assert (event["error_type"], event["error_message"], event["level"]) == ("KeyError", "'gone'", "error")
    assert "Traceback" in event["exception"]


def test_arguments_that_do_not_fit_cost_nothing_but_the_format(spool: SpoolFolder, log: logging.Logger) -> None:
    """The standard library prints a traceback in this case; emit writes what there is."""
    log.handlers[0].handle(logging.makeLogRecord({"msg": "%d items", "args": ("three",), "levelno": 40}))
    event = spool.event()
    assert event["event"] == "%d items"
    assert event["format_error"].startswith("TypeError")


@pytest.mark.parametrize(("number", "level"), [(5, "debug"), (15, "debug"), (35, "warning"), (99, "critical")])
def test_levels_of_ones_own_count_as_the_next_lower(
    spool: SpoolFolder, log: logging.Logger, number: int, level: str
) -> None:
    """The column knows five levels."""
    log.setLevel(1)
    log.log(number, "x")
    assert spool.event()["level"] == level


def test_levels_below_the_configured_are_left_out(spool: SpoolFolder, log: logging.Logger) -> None:
    """Beside logging's own filter."""
    spool.configure(level="error")
    log.info("x")
    assert not spool.path.exists()


def test_dictconfig_finds_the_handler(spool: SpoolFolder) -> None:
    """The way most programs configure logging."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"lake": {"class": "deadreckon.emit.Handler", "level": "INFO"}},
            "loggers": {"shop.configured": {"handlers": ["lake"], "level": "DEBUG", "propagate": False}},
        }
    )
    logging.getLogger("shop.configured").debug("no")
    logging.getLogger("shop.configured").info("yes")
    assert spool.event()["event"] == "yes"
    logging.getLogger("shop.configured").handlers = []


def test_the_formatter_makes_canonical_lines_for_any_handler(spool: SpoolFolder, log: logging.Logger) -> None:
    """A container's stdout, ingested as it is."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(emit.Formatter())
    log.handlers = [handler]
    with emit.bound(request_id="r-1"):
        log.info("x", extra={"a": {1}})
    event = json.loads(out.getvalue())
    assert (event["event"], event["request_id"], event["a"], event["logger"]) == ("x", "r-1", [1], "shop.cart")
    assert not spool.path.exists()


def test_structlog_on_top_of_logging_arrives_flat(spool: SpoolFolder, log: logging.Logger) -> None:
    """wrap_for_formatter hands over a dictionary, whose keys become fields."""
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    try:
        structlog.get_logger("shop.cart", a=1).error("x", b=2)
    finally:
        structlog.reset_defaults()
    event = spool.event()
    assert (event["event"], event["level"], event["a"], event["b"]) == ("x", "error", 1, 2)
    assert not any(key.startswith("_") for key in event)
