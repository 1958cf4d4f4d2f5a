"""Loggers whose `name` or `source` is not ours: pino and bunyan, Python's logging, Go's slog."""

from __future__ import annotations

from typing import Any, Final

NODE: Final = frozenset({"name", "hostname", "pid"})
"""pino and bunyan: `name` is the application."""
PYTHON: Final = frozenset(
    {"levelname", "asctime", "levelno", "funcName", "processName", "threadName", "pathname", "lineno", "taskName"}
)
"""Attributes of a LogRecord: a `name` beside one of them is the logger's."""
SLOG: Final = frozenset({"time", "level", "msg", "source"})
"""slog with AddSource: `source` is a place in the code."""


def combos() -> list[frozenset[str]]:
    """Keys that together show one of these loggers."""
    return [NODE, SLOG, *(frozenset({"name", key}) for key in PYTHON)]


AMBIGUOUS: Final = frozenset({"name", "source", "stream"})
"""Columns' names that mean something else in some lines; `stream` is stdout or stderr in a container's log."""


def is_node(value: dict[str, Any]) -> bool:
    """Whether the line is pino's or bunyan's."""
    return value.keys() >= NODE and PYTHON.isdisjoint(value)


def hidden(value: dict[str, Any]) -> frozenset[str]:
    """Keys that look like columns and are none in these lines."""
    keys = set()
    if "name" in value and (is_node(value) or not PYTHON.isdisjoint(value)):
        keys.add("name")
    if type(value.get("source")) is dict and value.keys() >= SLOG:
        keys.add("source")
    if value.get("stream") in ("stdout", "stderr"):
        keys.add("stream")
    return frozenset(keys)
