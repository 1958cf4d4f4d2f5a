"""DuckDB's errors, said in the house's way: what is wrong, and the nearest thing that would work."""

from __future__ import annotations

import difflib
import re
import signal
from typing import Final

from deadreckon.core.errors import QueryError
from deadreckon.core.settings import QuerySettings
from deadreckon.queries.catalog import views

_PREFIX: Final = re.compile(r"^(?:[A-Z][A-Za-z ]*? Error|INTERRUPT Error):\s*")
_NO_TABLE: Final = re.compile(r"Table with name (\S+) does not exist")
_NO_COLUMN: Final = re.compile(
    r'Referenced column "([^"]+)" not found|does not have a column named "([^"]+)"|Column "([^"]+)" .* does not exist'
)
_NO_FUNCTION: Final = re.compile(r"(?:Function|Macro) with name (\S+) does not exist")
_MEANT: Final = re.compile(r'Did you mean "([^"]+)"')
_SAID: Final = re.compile(r"^hint: (.+)$", re.MULTILINE)
"""In the place of a relation that cannot be read stands one that fails, with its own hint."""
_WORD: Final = re.compile(r"[A-Za-z_]+")
_KEYWORDS: Final = (
    *("SELECT", "FROM", "WHERE", "GROUP", "ORDER", "HAVING", "QUALIFY", "LIMIT", "OFFSET", "JOIN", "USING", "WITH"),
    *("UNION", "DISTINCT", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE", "DESCRIBE", "SUMMARIZE", "EXPLAIN", "SHOW"),
)
_ALIKE: Final = 0.7
"""From this likeness on (difflib's ratio) one word is taken for another one misspelt."""
_LISTED: Final = "reckon views lists what can be asked"


def too_long(limits: QuerySettings) -> QueryError:
    """The query used up its time."""
    return QueryError(
        f"the query was stopped after {limits.timeout_s:g} s",
        hint="filter on date or ts, ask for less at a time, or raise query.timeout_s",
    )


def too_much(limits: QuerySettings) -> QueryError:
    """The query used up its memory."""
    return QueryError(
        f"the query needs more memory than the {limits.memory_limit} it may take",
        hint="filter on date or ts, aggregate before joining or sorting, or raise query.memory_limit",
    )


def fell(signal_number: int, limits: QuerySettings) -> QueryError:
    """The query brought its process down: where the kernel refuses memory, DuckDB cannot always say so."""
    name = signal.Signals(signal_number).name
    return QueryError(
        f"the query brought its process down ({name}): it needs more memory than the "
        f"{limits.memory_limit} it may take, or is nested too deeply",
        hint="ask for less at a time, or take the query apart with WITH",
    )


def complaint(kind: str, text: str, sql: str, limits: QuerySettings) -> QueryError:
    """The QueryError for an error of DuckDB's: its class and its text."""
    if kind == "InterruptException" or "INTERRUPT" in text or "max_execution_time" in text:
        return too_long(limits)
    if kind in ("OutOfMemoryException", "MemoryError") or "bad_alloc" in text:
        return too_much(limits)
    return QueryError(_PREFIX.sub("", text.partition("\n")[0]).strip(), hint=_hint(kind, text, sql))


def _hint(kind: str, text: str, sql: str) -> str:
    if match := _SAID.search(text):
        return match[1]
    if match := _NO_TABLE.search(text):
        return _near(match.group(1), list(views()), "reckon views lists what there is")
    if match := _NO_COLUMN.search(text):
        named = [name for name in views() if re.search(rf"\b{name}\b", sql, re.IGNORECASE)]
        columns = [c.name for name in named for c in views()[name].columns]
        return _near(
            next(g for g in match.groups() if g),
            columns,
            f"reckon views {named[0] if named else 'NAME'} lists its columns",
        )
    if match := _NO_FUNCTION.search(text):
        meant = [m for m in _MEANT.findall(text) if difflib.SequenceMatcher(None, m, match[1].lower()).ratio() > _ALIKE]
        return (
            f"did you mean {meant[0]}?" if meant else "DuckDB has no such function; see duckdb.org/docs for all it has"
        )
    if kind == "PermissionException":
        return "the sandbox reads the views and nothing else; reckon views lists them"
    if kind == "ParserException":
        return _syntax(text.partition("\n\n")[2])
    if kind == "ConversionException":
        return "try_cast(x AS type) gives NULL where a value does not convert"
    if "parameter" in text.lower():
        return "give every $name in the query a value, and no other: --param name=value"
    return "reckon views NAME describes a view's columns; EXPLAIN SELECT ... checks a query without running it"


def _near(word: str, known: list[str], otherwise: str) -> str:
    close = difflib.get_close_matches(word.strip('"').lower(), known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(dict.fromkeys(close))}? {otherwise}" if close else otherwise


def _syntax(place: str) -> str:
    """What to say of a place that DuckDB shows as `LINE 1: the line` with a caret below."""
    shown, _, caret = place.partition("\n")
    number, _, line = shown.partition(": ")
    at = max(caret.find("^") - len(number) - 2, 0)
    word, before = _WORD.match(line[at:]), _WORD.findall(line[:at])
    # A misspelt keyword often passes as a name, and the word after it is the one that does not fit.
    for written in [*([word[0]] if word else []), *before[-1:]]:
        meant = difflib.get_close_matches(written.upper(), _KEYWORDS, n=1, cutoff=_ALIKE)
        if meant and meant[0] != written.upper():
            return f"did you mean {meant[0]} where it says {written}? {_LISTED}"
    near = line[max(at - 20, 0) : at + 20].strip()
    return (f"near {near!r}: check the syntax there; " if near else "check the syntax; ") + _LISTED
