"""Exceptions as loggers write them: an object, a list of causes, or a traceback's text."""

from __future__ import annotations

import re
from typing import Any, Final

from deadreckon.ingest.dialects.draft import Draft

KEYS: Final = frozenset({"err", "error", "exception", "exc_info", "stack", "stack_trace"})
_TYPES: Final = ("type", "name", "class", "exc_type", "exception_type", "kind")
_MESSAGES: Final = ("message", "msg", "exc_value", "value", "description", "detail")
_NAMED: Final = re.compile(r"([A-Za-z_][\w.$:]*?)(?::\s+|:?\s*$)")
_TITLE: Final = re.compile(r"([A-Za-z_][\w.$]*(?:Error|Exception|Throwable)|[A-Za-z_][\w.$]*(?=: ))(?:: (.*))?(?:\n|$)")
"""The first line of a stack of JavaScript or Java."""
_FRAMES: Final = ("Traceback (most recent call last):", "Exception Group Traceback (most recent call last):")


def lift(draft: Draft, *at: str) -> None:
    """Fill error_type and error_message from what stands under the usual keys of the rest, or of an object in it."""
    fields = draft.at(*at) if at else draft.rest
    if type(fields) is not dict or KEYS.isdisjoint(fields):
        return
    for key in ("error", "err"):
        value = fields.get(key)
        if type(value) is dict:
            _from_object(draft, *at, key)
        elif type(value) is str:
            draft.lift("error_message", *at, key)
    for key in ("exception", "exc_info"):
        if key in fields:
            _from_exception(draft, fields[key], *at, key)
    for key in ("stack", "stack_trace"):
        stack = fields.get(key)
        if type(stack) is str and (found := _TITLE.match(stack)):
            _fill(draft, (found[1], found[2] or ""))


def from_traceback(draft: Draft, text: str) -> None:
    """Fill error_type and error_message from a Python traceback inside a text."""
    _fill(draft, parse_traceback(text))


def parse_traceback(text: str) -> tuple[str, str] | None:
    """The type and message of the exception that a Python traceback ends in."""
    lines = text.rstrip().split("\n")
    start = max((i for i, line in enumerate(lines) if line.strip() in _FRAMES), default=None)
    if start is None:
        return _named(lines[0]) if len(lines) == 1 else None
    end = start + 1
    while end < len(lines) and lines[end][:1] in (" ", "\t"):
        end += 1
    found = _named(lines[end]) if end < len(lines) else None
    return found and (found[0], "\n".join([found[1], *lines[end + 1 :]]))


def _named(line: str) -> tuple[str, str] | None:
    match = _NAMED.match(line)
    return (match[1], line[match.end() :]) if match else None


def _fill(draft: Draft, found: tuple[str, str] | None) -> None:
    # Both or none: a type from one exception and a message from another would be a third.
    if found and "error_type" not in draft.columns and "error_message" not in draft.columns:
        draft.fill("error_type", found[0])
        draft.fill("error_message", found[1])


def _from_object(draft: Draft, *path: str) -> None:
    for name in _TYPES:
        if type(draft.at(*path, name)) is str and draft.lift("error_type", *path, name):
            break
    for name in _MESSAGES:
        if type(draft.at(*path, name)) is str and draft.lift("error_message", *path, name):
            break


def _from_exception(draft: Draft, value: Any, *path: str) -> None:
    if type(value) is dict:
        _from_object(draft, *path)
    elif type(value) is str:
        _fill(draft, parse_traceback(value))
    elif type(value) is list and value:
        first = value[0]
        if type(first) is dict:
            _fill_pair(draft, first)
        elif all(type(line) is str for line in value):
            _fill(draft, parse_traceback("\n".join(line.rstrip("\n") for line in value)))


def _fill_pair(draft: Draft, error: dict[str, Any]) -> None:
    kinds = [error[k] for k in _TYPES if type(error.get(k)) is str]
    texts = [error[k] for k in _MESSAGES if type(error.get(k)) is str]
    if kinds or texts:
        _fill(draft, (kinds[0] if kinds else "", texts[0] if texts else ""))
