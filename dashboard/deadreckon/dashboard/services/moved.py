"""What moved behind an alert of drift: its subject's values before and now, and the requests that show it."""

from __future__ import annotations

from threading import Event, Thread
from typing import Final

import duckdb

from deadreckon.core.errors import DeadreckonError, QueryError
from deadreckon.dashboard.services.alerts import Change
from deadreckon.dashboard.services.source import Source
from deadreckon.drift.explain import Explanation

AGAIN_S: Final = 0.05


def explainable(change: Change) -> bool:
    """Whether it says what was compared with what."""
    return all((change.labels.get("subject"), change.facts.get("reference"), change.facts.get("current")))


def explained(source: Source, change: Change) -> Explanation | DeadreckonError:
    """What moved, from the events themselves, or why nobody can say; kept until the lake changes."""
    key = (change.labels["subject"], str(change.facts["reference"]), str(change.facts["current"]))
    return source.kept(("moved", *key), lambda: _explained(source, *key))


def _explained(source: Source, subject: str, reference: str, current: str) -> Explanation | DeadreckonError:
    from deadreckon.drift.explain import explain
    from deadreckon.drift.selection import selection
    from deadreckon.drift.subject import subject as named
    from deadreckon.queries import connect

    limits = source.settings.query
    try:
        with connect(source.lake, settings=source.settings) as con:
            con.execute(f"SET memory_limit = '{limits.memory_limit}'")
            done = Event()
            Thread(target=_stop, args=(con, done, limits.timeout_s), daemon=True).start()
            try:
                return explain(con, named(subject), selection(reference), selection(current))
            finally:
                done.set()
    except DeadreckonError as error:
        return error
    except duckdb.Error as error:
        why = f"took longer than {limits.timeout_s:g} s" if isinstance(error, duckdb.InterruptException) else "failed"
        return QueryError(f"looking for what moved {why}", hint="reckon drift explain has no limits")


def _stop(con: duckdb.DuckDBPyConnection, done: Event, after_s: float) -> None:
    if done.wait(after_s):
        return
    # Again and again: an interrupt between two of its queries is lost.
    while not done.wait(AGAIN_S):
        con.interrupt()
