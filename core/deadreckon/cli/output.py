"""How answers leave: data on stdout in the format asked for, talk and errors on stderr."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import orjson
from rich.console import Console
from rich.text import Text

from deadreckon.cli.lines import GAP, Column, draw
from deadreckon.core.errors import DeadreckonError

_COLOUR: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

WIDEST: Final = 40
"""A column of a table is wrapped from this width on; a table that does not fit so is shown row by row."""


class Format(StrEnum):
    """The formats of every answer."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    markdown = "markdown"


def chosen(format_: Format | None) -> Format:
    """The format asked for; else a table on a terminal and JSON elsewhere."""
    return format_ or (Format.table if sys.stdout.isatty() else Format.json)


class _Pipe(Console):
    def on_broken_pipe(self) -> None:
        """Rich would end the program with code 1; the front door knows that a closed pipe is no error."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """A rich console; colour only on a terminal, never with NO_COLOR."""
    return _Pipe(stderr=stderr, soft_wrap=False, highlight=False, no_color=bool(os.environ.get("NO_COLOR")) or None)


def say(message: str) -> None:
    """Talk to the person on stderr; data never goes there."""
    console(stderr=True).print(message, markup=False, highlight=False, soft_wrap=True)


def show_rows(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    format_: Format,
    *,
    meta: Mapping[str, Any] | None = None,
) -> None:
    """Print rows. `meta` (count, as_of, truncated, ...) goes beside them in JSON and under them in a table."""
    listed = [list(row) for row in rows]
    facts: dict[str, Any] = {"count": len(listed), **(meta or {})}
    if format_ is Format.json:
        sys.stdout.write(dumps({**facts, "columns": list(columns), "rows": _records(columns, listed)}, indent=True))
    elif format_ is Format.jsonl:
        sys.stdout.writelines(dumps(record) for record in _records(columns, listed))
    elif format_ is Format.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([[_plain(value) for value in row] for row in listed])
    elif format_ is Format.markdown:
        sys.stdout.write(markdown(columns, listed))
    else:
        _table(columns, listed)
        footer(len(listed), "row", facts)


def show_record(record: Mapping[str, Any], format_: Format, *, people: Mapping[str, str] | None = None) -> None:
    """Print one record: JSON as an object, otherwise one line a key; `people` says values in a table's own words."""
    if format_ in (Format.json, Format.jsonl):
        sys.stdout.write(dumps(record, indent=format_ is Format.json))
    elif format_ is Format.table:
        _table(["key", "value"], [[k, _text(v)] for k, v in {**record, **(people or {})}.items()])
    else:
        show_rows(["key", "value"], [[k, v] for k, v in record.items()], format_)


def dumps(value: Any, *, indent: bool = False) -> str:
    """JSON text with a newline; times as ISO-8601, non-finite numbers as null, as JSON has none."""
    options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indent else 0)
    try:
        return orjson.dumps(value, default=_json_default, option=options).decode()
    except TypeError:
        # Integers past 64 bits, and file names that are not UTF-8, are more than orjson takes.
        return json.dumps(_finite(value), default=_json_default, indent=2 if indent else None) + "\n"


def markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A GitHub table; numbers aligned right."""
    numeric = _numeric(columns, rows)
    out = io.StringIO()
    out.write("| " + " | ".join(columns) + " |\n")
    out.write("|" + "|".join(" ---: " if n else " --- " for n in numeric) + "|\n")
    for row in rows:
        cells = [_text(value).replace("|", "\\|").replace("\n", " ") for value in row]
        out.write("| " + " | ".join(cells) + " |\n")
    return out.getvalue()


def fail(error: DeadreckonError, words: Sequence[str]) -> int:
    """Say an error on stderr, as JSON where JSON was asked for or no person is looking; its exit code."""
    asked = [words[i + 1] for i, w in enumerate(words[:-1]) if w == "--format"]
    asked += [w.partition("=")[2] for w in words if w.startswith("--format=")]
    known = [a for a in asked if a in Format.__members__]
    if any(a.startswith("json") for a in known) or (not known and not sys.stderr.isatty()):
        sys.stderr.write(dumps({"error": {key: one_line(text) for key, text in error.as_dict().items()}}))
    else:
        sys.stderr.write(f"error: {one_line(error.message)}\n")
        if error.hint:
            sys.stderr.write(f"hint: {one_line(error.hint)}\n")
    return error.exit_code


def _numeric(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[bool]:
    """Which columns hold numbers and nothing else."""
    kinds = [[value for row in rows if (value := row[i]) is not None] for i in range(len(columns))]
    return [
        bool(values) and all(isinstance(v, int | float | Decimal) and not isinstance(v, bool) for v in values)
        for values in kinds
    ]


def _records(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _json_default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def visible(text: str) -> str:
    """Text in which control characters are spelled out: what a log line holds must not steer the reader's terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def one_line(text: str) -> str:
    """An error's text as one clean line: libraries send theirs with colours and in several lines."""
    return visible(" ".join(_COLOUR.sub("", text).split()))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict | list):
        return dumps(value).strip()
    return value


def figure(value: float) -> str:
    """A measured number as people read it: four digits of a small one, all whole ones of a large one."""
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return figure(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ", "seconds")  # strftime does not fill up early years
    return str(_plain(value))


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    out = console()
    names = [visible(name) for name in columns]
    texts = [[visible(_text(value)) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[i]) for row in texts)]) for i, name in enumerate(names)]
    if sum(min(width, WIDEST) for width in widths) + GAP * (len(widths) - 1) > out.width and len(names) > 2:
        _records_down(out, names, texts)
        return
    shown = [Column(name, right, WIDEST, wrap=True) for name, right in zip(names, _numeric(columns, rows), strict=True)]
    if len(shown) <= 2:  # no other form holds them: they share the line, whatever it takes
        shown = [replace(column, least=1) for column in shown]
    draw(out, shown, [[Text(value) for value in row] for row in texts], out.width)


def _records_down(out: Console, names: Sequence[str], texts: Sequence[Sequence[str]]) -> None:
    """Rows too wide for the terminal, one under the other; columns that are empty in all of them are named below."""
    empty = [name for i, name in enumerate(names) if not any(row[i] for row in texts)]
    indent = max(len(name) for name in names)
    for number, row in enumerate(texts):
        if number:
            out.print()
        cells = [
            [Text(name.ljust(indent), style="bold"), Text(value)]
            for name, value in zip(names, row, strict=True)
            if name not in empty
        ]
        draw(out, (Column(), Column(least=1, wrap=True)), cells, out.width, names=False)
    if empty:
        say(f"empty in all rows: {', '.join(empty)}")


def footer(count: int, noun: str, facts: Mapping[str, Any]) -> None:
    """Say under a table how many there are, and what else is to be known about all of them."""
    known = {
        k: v
        for k, v in facts.items()
        if v not in (None, False, "", {}) and (k, v) not in (("total", count), ("count", count))
    }
    extra = ", ".join(k if v is True else f"{k} {_text(v)}" for k, v in known.items())
    say(f"{count} {noun}{'' if count == 1 else 's'}" + (f" ({extra})" if extra else ""))
