"""The events behind a verdict, as `reckon drift explain` selects them."""

from __future__ import annotations

import shlex

import orjson

from deadreckon.drift.watch.reference import Watch, span
from deadreckon.drift.watch.verdict import Verdict


def sides(watch: Watch, verdict: Verdict) -> tuple[str, str, str]:
    """Subject, reference and current side of a verdict, as selections of events.

    Where a dimension is null, or may have several values, the selections do not ask for it.
    """
    labels = orjson.loads(verdict.labels)
    subject = labels.pop("subject")
    fixed = {name: values[0] for name, values in watch.where if len(values) == 1}
    mine = {name: value for name, value in (fixed | labels).items() if value is not None}
    theirs = labels if watch.run else mine  # a run is all of itself, whatever is watched
    theirs = {name: value for name, value in theirs.items() if value is not None and name not in dict(watch.against)}
    window = span(verdict.window_end - watch.cadence.seconds, verdict.window_end)
    return subject, _joined(verdict.reference, theirs), _joined(window, mine)


def command(watch: Watch, verdict: Verdict) -> str:
    """The command that says what moved."""
    subject, reference, current = sides(watch, verdict)
    return shlex.join(
        ["reckon", "drift", "explain", "--subject", subject, "--reference", reference, "--current", current]
    )


def _joined(span_: str, equal: dict[str, str]) -> str:
    return ",".join([span_, *(f"{name}={value}" for name, value in sorted(equal.items()))])
