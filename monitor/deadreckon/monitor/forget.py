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
        closed = tuple(_closed(a) for a in mine if a.stream.active_since is not None)
        try:
            store.write(lake, page, kept, closed, {}, now=now)
        except CommitConflictError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return closed
    raise AssertionError


def _closed(alert: Alert) -> Alert:
    stream = replace(alert.stream, state="resolved", since=alert.stream.window_end, active_since=None, reason=REASON)
    return replace(
        alert,
        stream=stream,
        previous=alert.stream.state,
        summary=f"{stream.rule} is no longer watched: {REASON}",
        run=0,
        evaluated_at=0,
    )
