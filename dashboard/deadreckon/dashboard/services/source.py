"""Where the figures come from: this room's SQL files, asked through the sandbox and kept until the lake changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cache
from importlib import resources
from typing import Any, Final, TypeVar, cast

from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.queries.sandbox import Answer, Sandbox

KEPT_ANSWERS: Final = 128
KEPT_SOURCES: Final = 4
PAGE_ROWS: Final = 20_000
PAGE_BYTES: Final = 32 << 20
"""What an answer to a page's own question may hold at least."""

Value = str | float | None | tuple[str, ...]
"""What a question's parameter may be."""


Kept = TypeVar("Kept")


class Source:
    """One lake, asked by name: `ask("extent")` runs `questions/extent.sql`. Threads may share it.

    Answers are kept per version of the lake, so that drawing a page again costs nothing until something is ingested.
    SQL that people write runs in a sandbox of its own: a slow query never holds up the pages.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lake = Lake.open(settings.lake)
        self._pages, self._guests = self._sandboxes()
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self._made: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = threading.Lock()
        self._table = ""
        self.version = -1
        """The lake's version at the last refresh."""

    def refresh(self) -> int:
        """Look whether the lake changed, forget what is out of date, and return its version.

        Raises:
            LakeError: the lake is gone or damaged.
        """
        table = self.lake.table()
        version, made = table.version(), str(table.metadata().id)
        with self._lock:
            if (version, made) != (self.version, self._table):
                self._kept.clear()
                self._made.clear()
            if self._table and made != self._table:
                # Another lake was made at the same place: its versions count from 0 again, and its files are others.
                self.close()
                self._pages, self._guests = self._sandboxes()
            self.version, self._table = version, made
        return version

    def ask(self, question: str, **params: Value) -> Answer:
        """The answer to one of this room's questions.

        Raises:
            DeadreckonError: the lake cannot be read, or the question went over the limits of the settings.
        """
        key = (question, tuple(sorted(params.items())))
        with self._lock:
            version = self.version
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        bound = {name: list(v) if isinstance(v, tuple) else v for name, v in params.items()}
        answer = self._pages.query(text_of(question), bound)
        with self._lock:
            if version == self.version:
                self._kept[key] = answer
                while len(self._kept) > KEPT_ANSWERS:
                    self._kept.popitem(last=False)
        return answer

    def kept(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """What `make` gives, kept under this key as answers are."""
        with self._lock:
            version = self.version
            if key in self._made:
                return cast("Kept", self._made[key])
        made = make()
        with self._lock:
            if version == self.version:
                self._made[key] = made
                while len(self._made) > KEPT_ANSWERS:
                    self._made.popitem(last=False)
        return made

    def ask_freely(self, sql: str) -> Answer:
        """The answer to SQL that a person wrote.

        Raises:
            QueryError: it was refused, is wrong, or went over a limit.
            DataError: a file of the lake cannot be read.
        """
        return self._guests.query(sql)

    def _sandboxes(self) -> tuple[Sandbox, Sandbox]:
        # Limits that are meant for what people ask must not cut the pages' own figures.
        limits = self.settings.query.model_copy(
            update={
                "max_rows": max(self.settings.query.max_rows, PAGE_ROWS),
                "max_bytes": max(self.settings.query.max_bytes, PAGE_BYTES),
            }
        )
        own = self.settings.model_copy(update={"query": limits})
        return Sandbox(self.lake, settings=own), Sandbox(self.lake, settings=self.settings)

    def close(self) -> None:
        """End the processes; a later question starts them again."""
        self._pages.close()
        self._guests.close()


@cache
def text_of(question: str) -> str:
    """The SQL of a question."""
    return (resources.files("deadreckon.dashboard.services") / "questions" / f"{question}.sql").read_text("utf-8")


_opened: OrderedDict[str, Source] = OrderedDict()
_opening = threading.Lock()


def opened(settings: Settings) -> Source:
    """The source for these settings, shared by every browser window; opened where it is not yet.

    Raises:
        LakeError: there is no lake, or it is no place for one.
    """
    key = settings.model_dump_json()
    with _opening:
        if key not in _opened:
            _opened[key] = Source(settings)
            while len(_opened) > KEPT_SOURCES:  # somebody edits the settings again and again
                _opened.popitem(last=False)[1].close()
        _opened.move_to_end(key)
        return _opened[key]


def close_all() -> None:
    """Close every shared source."""
    with _opening:
        while _opened:
            _opened.popitem()[1].close()


def records(answer: Answer) -> list[dict[str, Any]]:
    """The rows of an answer by column, for the services to make their records of."""
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
