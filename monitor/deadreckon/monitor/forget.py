"""Forgetting a rule: its streams leave the board, and what still fires is resolved, for nobody looks at it again."""

from __future__ import annotations

from collections.abc import Iterable
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
    """Drop every state of a rule that was removed or renamed, and of its levels; what resolved the open alerts.

    `now` is in epoch seconds. A rule that is still configured begins anew with its next window.

    Raises:
        UsageError: there is no state of such a rule.
        CommitConflictError: other monitors were faster, again and again.
    """
    for attempt in range(ATTEMPTS):
        page = store.read(lake)
        mine = [a for a in page.alerts if a.is_of(rule)]
        if not mine:
            known = sorted({name for a in page.alerts for name in (a.stream.rule, a.part_of) if name})
            raise UsageError(
                f"no alert has a state under the rule {rule!r}",
                hint=nearest(rule, known) if known else "reckon alerts lists every state",
            )
        kept = [a for a in page.alerts if not a.is_of(rule)]
        names = {a.stream.rule for a in mine}
        closed = tuple(_closed(a, now) for a in mine if a.stream.active_since is not None)
        try:
            store.write(lake, page, kept, closed, _begin_anew(page, names, now), now=now)
        except CommitConflictError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return closed
    raise AssertionError


def _begin_anew(page: store.Page, rules: Iterable[str], now: float) -> dict[str, int]:
    # A monitor whose clock was wrong may have judged windows that are still to come: they must be judged again.
    return {rule: int(now) for rule in rules if (page.evaluated(rule) or 0) > now}


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
