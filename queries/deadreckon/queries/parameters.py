"""Parameters from a command line, as the values that SQL compares them with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final

import orjson

from deadreckon.core.errors import UsageError

_INTEGER: Final = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)\.\d+")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?")
_WORDS: Final = {"true": True, "false": False, "null": None}


def parameters(pairs: Iterable[str]) -> dict[str, Any]:
    """NAME=VALUE pairs by name.

    Whole and decimal numbers, true, false, null, dates and times (UTC where they have no offset) become what they look
    like; JSON text ("..."), lists and objects in JSON what they say; anything else is text. An id that happens to be
    all digits is text when written as JSON: '"123"'.

    Raises:
        UsageError: a pair is not NAME=VALUE, a name is given twice, or JSON does not parse.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(
                f"--param {pair!r} is not NAME=VALUE", hint="for $since in the query: --param since=2026-06-01"
            )
        if name in found:
            raise UsageError(f"--param {name} is given twice", hint='for several values: --param ids=\'["a", "b"]\'')
        found[name] = value(text)
    return found


def value(text: str) -> Any:
    """The value that a text of a parameter stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    if text[:1] in ('"', "[", "{"):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise UsageError(
                f"{text!r} begins like JSON and is none: {error}", hint="write text as '\"...\"'"
            ) from error
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _MOMENT.fullmatch(text):
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else datetime.fromisoformat(f"{text}+00:00")
    except ValueError:
        pass  # 2026-02-31 looks like a date and is none: it stays text
    return text
