"""Forgetting a rule: its streams leave the board, and what still fires is resolved, for nobody looks at it again."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from deadreckon.core.errors import CommitConflictError, UsageError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import nearest
from deadreckon.monitor import store
from deadreckon.monitor.alert import Alert

ATTEMPTS: Final = 10
REASON: Final = "the rule was forgotten by hand"


def forget(lake: Lake, rule: str, *, now: float) -> tuple[Alert, ...]:
    """Drop every state of a rule that was removed or renamed; the transitions of those that had an open alert.

    `now` is in epoch seconds. A rule that is still configured begins anew with its next window.

    Raises:
        UsageError: there is no state of such a rule.
        CommitConflictError: other monitors were faster, again and again.
    """
    for attempt in range(ATTEMPTS):
        page = store.read(lake)
        mine = [a for a in page.alerts if a.stream.rule == rule]
        if not mine:
            known = sorted({a.stream.rule for a in page.alerts})
            raise UsageError(
                f"no alert has a state under the rule {rule!r}",
                hint=nearest(rule, known) if known else "reckon alerts lists every state",
            )
        kept = [a for a in page.alerts if a.stream.rule != rule]
        closed = tuple(_closed(a, now) for a in mine if a.stream.active_since is not None)
        try:
            store.write(lake, page, kept, closed, _begin_anew(page, rule, now), now=now)
        except CommitConflictError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return closed
    raise AssertionError


def _begin_anew(page: store.Page, rule: str, now: float) -> dict[str, int]:
    # A monitor whose clock was wrong may have judged windows that are still to come: they must be judged again.
    evaluated = page.evaluated(rule)
    return {rule: int(now)} if evaluated is not None and evaluated > now else {}


def _closed(alert: Alert, now: float) -> Alert:
    # No window resolved it: the moment takes its place, after the last window, so that this is its newest change.
    moment = max(int(now), alert.stream.window_end + 1)
    stream = replace(alert.stream, state="resolved", since=moment, window_end=moment, active_since=None, reason=REASON)
    return replace(
        alert,
        stream=stream,
        previous=alert.stream.state,
        summary=f"{stream.rule} is no longer watched: {REASON}",
        run=0,
        evaluated_at=0,
    )
