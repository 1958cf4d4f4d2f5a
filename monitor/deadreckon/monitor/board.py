"""What stands on the board: alerts as they are now, and what they went through; for the command line and dashboards."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from deadreckon.core.errors import DataError
from deadreckon.core.lake import Lake
from deadreckon.monitor import store
from deadreckon.monitor.alert import Alert
from deadreckon.monitor.stream import State

_URGENCY: Final[dict[State, int]] = {"firing": 0, "error": 1, "pending": 2, "no_data": 3, "resolved": 4, "ok": 5}
_SEVERITY: Final = {"critical": 0, "warning": 1, "info": 2}


def current(lake: Lake, *, states: Collection[State] = (), rules: Collection[str] = ()) -> list[Alert]:
    """Where every stream stands, most urgent first. `firing` includes alerts whose data went missing unresolved.

    Raises:
        DataError: the monitor never ran on this lake, so that nobody knows how things stand.
    """
    _ran(lake)
    return most_urgent_first(a for a in store.read(lake).alerts if _wanted(a, states, rules))


def most_urgent_first(alerts: Iterable[Alert]) -> list[Alert]:
    """What fires or is open, then what is broken, waits or is unknown, then what is well."""
    return sorted(alerts, key=lambda a: (_urgency(a), _SEVERITY[a.severity], a.stream.rule, a.stream.labels))


def history(
    lake: Lake, *, states: Collection[State] = (), rules: Collection[str] = (), since: float | None = None
) -> list[Alert]:
    """Every transition whose window ended after `since` (epoch seconds), newest first.

    Raises:
        DataError: the monitor never ran on this lake.
    """
    _ran(lake)
    found = [
        a
        for a in store.transitions(lake)
        if (not states or a.stream.state in states)
        and _of_rules(a, rules)
        and (since is None or a.stream.window_end > since)
    ]
    return found[::-1]


def _ran(lake: Lake) -> None:
    if not lake.has_table(store.ALERT_STATES):
        raise DataError(
            f"the monitor never ran on {lake.root}",
            hint="run it: reckon monitor; reckon monitor --keys shows how rules are written",
        )


def _wanted(alert: Alert, states: Collection[State], rules: Collection[str]) -> bool:
    stands = alert.stream.state in states or ("firing" in states and alert.stream.active_since is not None)
    return (not states or stands) and _of_rules(alert, rules)


def _of_rules(alert: Alert, rules: Collection[str]) -> bool:
    return not rules or any(alert.is_of(rule) for rule in rules)


def _urgency(alert: Alert) -> int:
    return 0 if alert.stream.active_since is not None else _URGENCY[alert.stream.state]
