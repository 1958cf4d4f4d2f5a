"""What a key's text becomes in its column, as SQL: exact conversions only, everything else is flagged.

Flags: 0 fine; 1 care: a dialect must rewrite the line; 2 bad: the line is refused and explained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from deadreckon.core.schema import KINDS, LEVELS, STATUSES, Column

OBJECTS: Final = frozenset({"features", "outputs", "params", "versions", "pins", "labels", "attributes"})
ARRAYS: Final = frozenset({"options"})
LEVEL_NAMES: Final = {
    "trace": "debug",
    "verbose": "debug",
    "silly": "debug",
    "http": "debug",
    "fine": "debug",
    "finer": "debug",
    "finest": "debug",
    "config": "debug",
    "dbg": "debug",
    "default": "info",
    "information": "info",
    "informational": "info",
    "notice": "info",
    "success": "info",
    "warn": "warning",
    "err": "error",
    "exception": "error",
    "severe": "error",
    "fatal": "critical",
    "panic": "critical",
    "dpanic": "critical",
    "alert": "critical",
    "emergency": "critical",
    "emerg": "critical",
    "crit": "critical",
}
"""Level names of other loggers, in lower case."""
LEVEL_STEPS: Final = ((60, "critical"), (50, "error"), (40, "warning"), (30, "info"))
"""Numbers of pino and bunyan, from which on a level counts; below them is debug."""
OFFSET_STEPS: Final = ((12, "critical"), (8, "error"), (4, "warning"), (0, "info"))
"""slog's numbers: DEBUG is -4, INFO 0, WARN 4, ERROR 8; `INFO+2` is 2."""


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL string."""
    return "'" + text.replace("'", "''") + "'"


def json_path(key: str) -> str:
    """The JSON pointer to a top-level key, as a SQL string."""
    return literal("/" + key.replace("~", "~0").replace("/", "~1"))


def timestamp(text: str) -> str:
    """Text to an instant: ISO-8601, with a comma too, or epoch seconds, ms, us or ns told apart by their size."""
    return f"""(CASE
        WHEN {text} IS NULL THEN NULL
        WHEN contains({text}, ':') THEN coalesce(
            TRY_CAST({text} AS TIMESTAMPTZ), TRY_CAST(replace({text}, ',', '.') AS TIMESTAMPTZ))
        ELSE {epoch(text)}
    END)"""


def epoch(text: str) -> str:
    """Numeric text to an instant by its size: below 1e11 seconds, 1e14 ms, 1e17 us, else ns.

    Fractions of s and ms go to the nearest us, because they come from doubles; ns are cut off, exactly.
    """
    number = f"TRY_CAST({text} AS DECIMAL(38, 9))"
    return f"""TRY(make_timestamptz(CAST(CASE
        WHEN abs({number}) < 100000000000 THEN round({number} * 1000000)
        WHEN abs({number}) < 100000000000000 THEN round({number} * 1000)
        WHEN abs({number}) < 100000000000000000 THEN floor({number})
        ELSE CAST(floor({number}) AS HUGEINT) // 1000 END AS BIGINT)))"""


def level(text: str) -> str:
    """Text to one of our levels: by name, by pino's or slog's number; another name stays, in lower case."""
    known = ", ".join(map(literal, LEVELS))
    names = " ".join(f"WHEN {literal(k)} THEN {literal(v)}" for k, v in LEVEL_NAMES.items())
    low = f"lower({text})"
    number = f"TRY_CAST({text} AS DOUBLE)"
    base = f"CASE left({low}, 4) WHEN 'debu' THEN -4 WHEN 'info' THEN 0 WHEN 'warn' THEN 4 ELSE 8 END"
    offset = f"({base} + CAST(regexp_extract({text}, '[+-][0-9]+$') AS INTEGER))"
    steps = " ".join(f"WHEN {number} >= {n} THEN {literal(v)}" for n, v in LEVEL_STEPS)
    offsets = " ".join(f"WHEN {offset} >= {n} THEN {literal(v)}" for n, v in OFFSET_STEPS)
    return f"""(CASE WHEN {text} IN ({known}) THEN {text} ELSE CASE {low} {names} ELSE CASE
        WHEN regexp_full_match({text}, '[0-9]{{1,3}}') THEN CASE {steps} ELSE 'debug' END
        WHEN regexp_full_match({low}, '(debug|info|warn|error)[+-][0-9]{{1,3}}') THEN CASE {offsets} ELSE 'debug' END
        ELSE {low} END END END)"""


def opens(text: str, bracket: str) -> str:
    """Whether a text starts with a bracket; a range of strings is compared by its first bytes, without a copy."""
    return f"({text} >= '{bracket}' AND {text} < '{chr(ord(bracket) + 1)}')"


SMALL: Final = frozenset({"attempt", "step", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"})
"""Integers that are often 0 or 1, which a parser asked for a number gives for booleans too: these are read as text."""


def spec_type(column: Column) -> str:
    """The type that the JSON parser is asked for: most numbers come as DOUBLE, without a text in between."""
    if column.type in ("bigint", "double"):
        return "VARCHAR" if column.name in SMALL else "DOUBLE"
    return "JSON" if column.type == "json" else "VARCHAR"


def text_of(line: str, keys: Sequence[str]) -> str:
    """The text of the one of these keys that a line has."""
    return f"coalesce({', '.join(f'json_extract_string({line}, {json_path(k)})' for k in keys)})"


def converted(column: Column, raw: str, line: str, keys: Sequence[str]) -> str:
    """The column's value from `raw`, what the parser gave for its key; NULL where it does not convert exactly."""
    if column.name == "ts":
        return timestamp(raw)
    if column.name == "level":
        return level(raw)
    if column.name in ("kind", "status", "trace_id", "span_id", "parent_span_id"):
        return f"lower({raw})"
    if column.name in SMALL:
        number = "'-?[0-9]{1,18}([.]0+)?([eE][+]?[0-9]{1,2})?'"
        exact = f"TRY_CAST({raw} AS DECIMAL(38, 9))"
        return f"""(CASE
            WHEN TRY_CAST({raw} AS BIGINT)::VARCHAR = {raw} THEN TRY_CAST({raw} AS BIGINT)
            WHEN regexp_full_match({raw}, {number}) AND {exact} % 1 = 0 THEN TRY_CAST({exact} AS BIGINT)
            WHEN regexp_full_match({raw}, '-?[0-9]{{1,18}}[.][0-9]+([eE][+]?[0-9]{{1,2}})?')
                AND TRY_CAST({raw} AS DOUBLE) % 1 = 0 THEN TRY_CAST({raw} AS BIGINT)
        END)"""
    if column.type == "bigint":
        # Past 2**53 a DOUBLE cannot say which integer it was: then the text is asked.
        return f"""(CASE
            WHEN abs({raw}) < 9007199254740992 THEN CASE WHEN {raw} = trunc({raw}) THEN CAST({raw} AS BIGINT) END
            WHEN {raw} IS NOT NULL THEN TRY_CAST({text_of(line, keys)} AS BIGINT)
        END)"""
    if column.type == "boolean":
        return f"(CASE {raw} WHEN 'true' THEN true WHEN 'false' THEN false END)"
    if column.type == "json" and column.name not in OBJECTS | ARRAYS:
        return f"(CASE WHEN {opens(raw, chr(34))} THEN json_extract_string({raw}, '$') ELSE {raw} END)"
    return raw


def bad(column: Column, raw: str, value: str, line: str, key: str, present: str) -> str:
    """Whether the key's value is not of the column's type; `present`: whether the line has the key at all."""
    if column.name == "ts":
        # Bounds, not year(): a calendar function on TIMESTAMPTZ costs more than the whole parse.
        right = f"{value} >= TIMESTAMPTZ '0001-01-01 00:00:00+00' AND {value} < TIMESTAMPTZ '10000-01-01 00:00:00+00'"
        return f"({raw} IS NOT NULL AND ({value} IS NULL OR NOT ({right})))"
    kind = f"json_type({line}, {json_path(key)})"
    if column.type == "json":
        if column.name in OBJECTS | ARRAYS:
            return f"({raw} IS NOT NULL AND NOT {opens(raw, '{' if column.name in OBJECTS else '[')})"
        return ""
    if column.type == "string":
        # Only a text that looks like JSON is asked for its type.
        return f"(({opens(raw, '{')} OR {opens(raw, '[')}) AND {kind} IN ('OBJECT', 'ARRAY'))"
    if spec_type(column) == "DOUBLE":
        # The parser gives NULL for what is no number, and 0 or 1 for a boolean: only those are asked for their type.
        mistaken = f"(contains({line}, 'true') OR contains({line}, 'false')) AND {kind} = 'BOOLEAN'"
        literals = "('NaN', 'Infinity', '-Infinity')"
        wrong = (
            f"{value} IS NULL"
            if column.type == "bigint"
            else (f"NOT isfinite({raw}) AND {text_of(line, [key])} NOT IN {literals}")
        )
        return f"""(({raw} IS NULL AND {present} AND {kind} <> 'NULL')
            OR ({raw} IS NOT NULL AND {wrong})
            OR ({raw} >= 0 AND {raw} <= 1 AND ({raw} = 0 OR {raw} = 1) AND {mistaken}))"""
    return f"({raw} IS NOT NULL AND {value} IS NULL)"


def care(column: Column, raw: str, value: str) -> str:
    """Whether a dialect must look at the line: an unusual kind or status, or NaN inside JSON (which JSON has not)."""
    if column.name == "kind":
        return f"({value} IS NOT NULL AND {value} NOT IN ({', '.join(map(literal, KINDS))}))"
    if column.name == "status":
        return f"({value} IS NOT NULL AND {value} NOT IN ({', '.join(map(literal, STATUSES))}))"
    if column.type == "json":
        return unjson(raw)
    return ""


def unjson(text: str) -> str:
    """Whether nan or inf, in any case, may stand for a number in a text that the lenient parser took for JSON."""
    stands = f"regexp_matches({text}, '(?i)(^|[:,\\[])\\s*-?(nan|inf)')"
    return f"({text} IS NOT NULL AND NOT {opens(text, chr(34))} AND {stands})"
