"""The logger: structlog's interface, one line each."""

from __future__ import annotations

import asyncio

import pytest
import structlog
from tests.emit.conftest import SpoolFolder

from deadreckon import emit


def test_a_log_line_carries_event_level_and_fields(spool: SpoolFolder) -> None:
    """The fields of the call stand flat beside the stamp."""
    emit.get_logger().info("cart.checked_out", items=3, total=9.5)
    event = spool.event()
    assert (event["event"], event["kind"], event["level"]) == ("cart.checked_out", "log", "info")
    assert (event["items"], event["total"]) == (3, 9.5)


@pytest.mark.parametrize(
    ("method", "level"),
    [
        ("debug", "debug"),
        ("info", "info"),
        ("msg", "info"),
        ("warning", "warning"),
        ("warn", "warning"),
        ("error", "error"),
        ("err", "error"),
        ("exception", "error"),
        ("critical", "critical"),
        ("fatal", "critical"),
    ],
)
def test_every_method_has_its_level(spool: SpoolFolder, method: str, level: str) -> None:
    """All of structlog's method names exist."""
    getattr(emit.get_logger(), method)("x")
    assert spool.event()["level"] == level


@pytest.mark.parametrize("method", ["adebug", "ainfo", "awarning", "aerror", "aexception", "acritical"])
def test_the_asynchronous_methods_write_too(spool: SpoolFolder, method: str) -> None:
    """Code written for structlog's asynchronous methods runs unchanged."""
    asyncio.run(getattr(emit.get_logger(), method)("x", a=1))
    assert spool.event()["a"] == 1


@pytest.mark.parametrize(("given", "level"), [(10, "debug"), (25, "info"), ("WARN", "warning"), (60, "critical")])
def test_a_level_may_be_given_by_number_or_name(spool: SpoolFolder, given: int | str, level: str) -> None:
    """A number between two levels counts as the lower."""
    emit.get_logger().log(given, "x")
    asyncio.run(emit.get_logger().alog(given, "x"))
    assert [event["level"] for event in spool.events()] == [level, level]


def test_levels_below_the_configured_are_not_written(spool: SpoolFolder) -> None:
    """Filtering costs one comparison; other kinds of events are facts, not chatter, and are always written."""
    spool.configure(level="warning")
    log = emit.get_logger()
    log.debug("no")
    log.info("no")
    log.log("info", "no")
    log.warning("yes")
    emit.metric("loss", 1)
    assert [event["event"] for event in spool.events()] == ["yes", "metric"]
    assert log.is_enabled_for(30)
    assert not log.isEnabledFor(20)
    assert log.get_effective_level() == log.getEffectiveLevel() == 30


def test_positional_arguments_format_the_event(spool: SpoolFolder) -> None:
    """As structlog and logging do; a format that does not fit is written with its arguments."""
    log = emit.get_logger()
    log.info("%d items for %s", 3, "bob")
    log.info("%(n)d items", {"n": 3})
    log.info("%d items", "three")
    assert [event["event"] for event in spool.events()] == ["3 items for bob", "3 items", "%d items ('three',)"]


@pytest.mark.parametrize(
    ("event", "text"), [(3, "3"), (None, "None"), (["a"], "['a']"), ("", ""), ("ü\ud800", "ü\\ud800")]
)
def test_an_event_that_is_not_plain_text_becomes_text(spool: SpoolFolder, event: object, text: str) -> None:
    """The event is always a string."""
    emit.get_logger().info(event)
    emit.get_logger().info(event, a=1)
    assert [one["event"] for one in spool.events()] == [text, text]


def test_bound_fields_come_along_and_loggers_do_not_change(spool: SpoolFolder) -> None:
    """bind, unbind, try_unbind and new return other loggers."""
    log = emit.get_logger("shop", a=1)
    more = log.bind(b=2)
    more.info("more")
    log.info("log")
    more.unbind("a").info("less")
    more.try_unbind("a", "zzz").info("less")
    more.new(c=3).info("new")
    own = [{key: event[key] for key in ("logger", "a", "b", "c") if key in event} for event in spool.events()]
    assert own == [
        {"logger": "shop", "a": 1, "b": 2},
        {"logger": "shop", "a": 1},
        {"logger": "shop", "b": 2},
        {"logger": "shop", "b": 2},
        {"c": 3},
    ]


def test_unbinding_what_is_not_bound_names_what_is() -> None:
    """The message tells what could be meant."""
    with pytest.raises(KeyError, match="not bound: x; bound are: a"):
        emit.get_logger(a=1).unbind("x")


def test_a_field_of_the_call_wins_over_the_loggers_and_that_over_the_context(spool: SpoolFolder) -> None:
    """No key is ever twice in a line."""
    spool.configure(static={"who": "static"})
    log = emit.get_logger()
    log.info("x")
    with emit.bound(who="context"):
        log.info("x")
        log.bind(who="logger").info("x")
        log.bind(who="logger").info("x", who="call")
    assert [event["who"] for event in spool.events()] == ["static", "context", "logger", "call"]
    assert all(line.count(b'"who"') == 1 for path in spool.path.iterdir() for line in path.read_bytes().splitlines())


def test_fields_may_have_the_names_of_the_stamp(spool: SpoolFolder) -> None:
    """A kind or level given as a field is taken, not written twice."""
    emit.get_logger().info("x", kind="decision", level="error", pid=1)
    event = spool.event()
    assert (event["kind"], event["level"], event["pid"]) == ("decision", "error", 1)


def fail(message: str) -> None:
    """Raise."""
    raise ValueError(message)


def test_a_field_may_have_any_name(spool: SpoolFolder) -> None:
    """Names of Python's own parameters are no exception."""
    names = ["self", "args", "fields", "event", "cls", "source", "at", "context", "capture", "label"]
    fields = dict.fromkeys(names, "mine")
    emit.get_logger().info("x", **fields)
    emit.get_logger().log("info", "x", **fields)
    emit.get_logger().bind(**fields).info(event="mine")
    with emit.bound(**{name: "mine" for name in names if name != "event"}), emit.span("mine") as span:
        span.set(**{name: "mine" for name in names if name != "capture"})
    for event in spool.events():
        assert {name for name in names if event.get(name) != "mine"} <= {"event"}
        assert event["event"] == "mine"


def test_an_exception_is_written_with_type_message_and_traceback(spool: SpoolFolder) -> None:
    """exception() takes the one being handled; exc_info takes any form that logging knows."""
    log = emit.get_logger()
    try:
        fail("no such item")
    except ValueError as error:
        caught = error
        log.exception("a")
        log.error("b", exc_info=True)  # noqa: G201  # the form under test
    log.error("c", exc_info=caught)
    log.error("d", exc_info=(ValueError, caught, caught.__traceback__))
    for event in spool.events():
        assert (event["error_type"], event["error_message"]) == ("ValueError", "no such item")
        assert event["exception"].startswith("Traceback")
        assert event["exception"].endswith("ValueError: no such item")
        assert "exc_info" not in event


def test_exception_outside_a_handler_is_just_an_error(spool: SpoolFolder) -> None:
    """Nothing is being handled, so there is nothing to add."""
    emit.get_logger().exception("x")
    assert "error_type" not in spool.event()


def test_an_exception_that_cannot_be_printed_is_still_logged(spool: SpoolFolder) -> None:
    """The application's broken __str__ stays the application's."""

    class BrokenError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("worse")

    emit.get_logger().error("x", exc_info=BrokenError())
    event = spool.event()
    assert event["error_type"].endswith("BrokenError")
    assert (
        event["error_message"]
        == "<unprintable test_an_exception_that_cannot_be_printed_is_still_logged.<locals>.BrokenError>"
    )


def test_the_logger_is_structlogs_kind_of_logger() -> None:
    """The helpers of structlog accept it."""
    log = emit.get_logger(a=1)
    assert isinstance(log, structlog.types.BindableLogger)
    assert structlog.get_context(log) == {"a": 1}
    assert log == emit.get_logger(a=1) != emit.get_logger(a=2)


def test_processors_in_structlogs_form_see_every_event(spool: SpoolFolder) -> None:
    """A program can mask or drop at the source, with the functions it has for structlog."""

    def mask(_: object, level: str, event: dict[str, object]) -> dict[str, object]:
        if event["event"] == "secret":
            raise structlog.DropEvent
        return {**event, "card": "****", "seen": level}

    spool.configure(processors=[mask, structlog.processors.KeyValueRenderer()])
    log = emit.get_logger()
    log.info("paid", card="4111111111111111")
    log.info("secret")
    with emit.span("pay"):
        pass
    paid, pay = spool.events()
    assert (paid["card"], paid["seen"]) == ("****", "info")
    assert (pay["event"], pay["card"]) == ("pay", "****")


def test_a_processor_that_fails_costs_the_event_and_says_so(spool: SpoolFolder) -> None:
    """What a failed processor may have meant to remove is not written; the failure is."""

    def broken(_: object, __: str, ___: dict[str, object]) -> dict[str, object]:
        raise RuntimeError("oops")

    spool.configure(processors=[broken])
    emit.get_logger().info("paid", card="4111111111111111")
    event = spool.event()
    assert (event["event"], event["name"], event["error_message"]) == ("emit.failed", "paid", "oops")
    assert "card" not in event
