"""DuckDB's errors, said in the house's way: what is wrong, and the nearest thing that would work."""

from __future__ import annotations

import difflib
import re
from typing import Final

import duckdb

from deadreckon.core.errors import QueryError
from deadreckon.core.settings import QuerySettings
from deadreckon.queries.catalog import views

_PREFIX: Final = re.compile(r"^(?:[A-Z][A-Za-z ]*? Error|INTERRUPT Error):\s*")
_NO_TABLE: Final = re.compile(r"Table with name (\S+) does not exist")
_NO_COLUMN: Final = re.compile(r'(?:Referenced column|Column with name) "?([^"\s]+)"? (?:not found|does not exist)')
_NO_COLUMN_IN: Final = re.compile(r'(?:Table|View) "([^"]+)" does not have a column named "([^"]+)"')
_NO_FUNCTION: Final = re.compile(r"(?:Function|Macro) with name (\S+) does not exist")


def complaint(error: BaseException, limits: QuerySettings) -> QueryError:
    """The QueryError for an error that DuckDB raised while a query was checked or run."""
    text = str(error)
    message = _PREFIX.sub("", text.partition("\n")[0]).strip()
    if isinstance(error, duckdb.InterruptException) or "INTERRUPT" in text or "max_execution_time" in text:
        return QueryError(
            f"the query was stopped after {limits.timeout_s:g} s",
            hint="filter on date or ts, ask for less at a time, or raise query.timeout_s",
        )
    if isinstance(error, duckdb.OutOfMemoryException | MemoryError) or "bad_alloc" in text:
        return QueryError(
            f"the query needs more memory than the {limits.memory_limit} it may take",
            hint="filter on date or ts, aggregate before joining or sorting, or raise query.memory_limit",
        )
    return QueryError(message, hint=_hint(error, text))


def _hint(error: BaseException, text: str) -> str:
    if match := _NO_TABLE.search(text):
        return _near(match.group(1), list(views()), "reckon views lists what there is")
    if match := _NO_COLUMN_IN.search(text):
        return _near(match.group(2), _columns_of(match.group(1)), f"reckon views {match.group(1)} lists its columns")
    if match := _NO_COLUMN.search(text):
        named = [name for name in views() if re.search(rf"\b{name}\b", text)]
        columns = [c for name in named for c in _columns_of(name)]
        return _near(match.group(1), columns, f"reckon views {named[0] if named else 'NAME'} lists its columns")
    if match := _NO_FUNCTION.search(text):
        return "DuckDB has no such function; see duckdb.org/docs for those it has"
    if isinstance(error, duckdb.PermissionException):
        return "the sandbox reads the views and nothing else; reckon views lists them"
    if isinstance(error, duckdb.ParserException):
        position = text.partition("\n\n")[2].strip()
        return f"near: {position}" if position else "check the query's syntax"
    if isinstance(error, duckdb.ConversionException):
        return "try_cast(x AS type) gives NULL where a value does not convert"
    if isinstance(error, duckdb.InvalidInputException) and "parameter" in text:
        return "give every $name in the query a value: --param name=value"
    return "reckon views NAME describes a view's columns; EXPLAIN SELECT ... checks a query without running it"


def _columns_of(name: str) -> list[str]:
    return [c.name for c in views()[name].columns] if name in views() else []


def _near(word: str, known: list[str], otherwise: str) -> str:
    close = difflib.get_close_matches(word.strip('"').lower(), known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(dict.fromkeys(close))}? {otherwise}" if close else otherwise
