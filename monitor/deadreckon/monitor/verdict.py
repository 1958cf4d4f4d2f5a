"""What a run says to cron: one exit code from all states."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, Literal, get_args

from deadreckon.monitor.alert import Alert
from deadreckon.monitor.standing import Key, key_of

Fault = Literal["firing", "pending", "error", "no_data"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
DEFAULT: Final[frozenset[Fault]] = frozenset({"firing", "error", "no_data"})

CODES: Final[dict[Fault, int]] = {"firing": 1, "pending": 1, "error": 2, "no_data": 3}
"""Exit codes, the first that applies wins: an alert is news whatever else is wrong, a rule that cannot be evaluated is
a fault of configuration, and missing data is never healthy."""


def faults(alerts: Iterable[Alert]) -> set[Fault]:
    """What is wrong. An alert that was raised and not resolved counts as firing, also while its data are missing."""
    found: set[Fault] = set()
    for alert in alerts:
        if alert.stream.active_since is not None:
            found.add("firing")
        if alert.stream.state in FAULTS:
            found.add(alert.stream.state)
    return found


def exit_code(
    alerts: Collection[Alert],
    fail_on: Collection[Fault] = DEFAULT,
    *,
    unknown: Collection[str] = (),
    silenced: Collection[Key] = (),
) -> int:
    """0 fine, 1 firing (or pending, where asked for), 2 a rule cannot be evaluated, 3 data are missing or stale.

    `unknown`: rules of which nobody knows how they stand; they count as missing data, as no alerts at all do.
    `silenced`: streams that somebody does not want to hear of; nothing of theirs counts.
    """
    found = faults(a for a in alerts if key_of(a) not in silenced) | ({"no_data"} if unknown or not alerts else set())
    wrong = found & set(fail_on)
    return next((code for fault, code in CODES.items() if fault in wrong), 0)
