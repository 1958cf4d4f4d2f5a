"""Whether a drift rule fits a lake: that takes profiles of some days, with values enough in their hours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from deadreckon.monitor.fits import Suggestion
from deadreckon.monitor.looking import Look

_VALUES: Final = 30
"""What an hour needs for a drift rule to judge it, unless the rule says something else."""
_ENOUGH: Final = 48
_LEAST_DAYS: Final = 7
_HOURS: Final = """
SELECT what, max(hours), max(days)
FROM (
    SELECT
        CASE WHEN subject LIKE 'feature:%' THEN 'feature:*' ELSE subject END AS what,
        count(*) AS hours, date_diff('day', min(hour), max(hour)) + 1 AS days
    FROM (
        SELECT subject, hour FROM profile_summaries
        WHERE hours = 1 AND hour > make_timestamptz($to_us) - INTERVAL 29 DAY AND hour <= make_timestamptz($to_us)
            AND (subject LIKE 'feature:%' OR subject = 'latency_ms')
        GROUP BY subject, hour HAVING sum(n + n_other) >= $least
    )
    GROUP BY subject
)
WHERE $from_us < $to_us
GROUP BY what
"""


def drift(seen: Look) -> Iterator[Suggestion]:
    """The rule; where something is missing for it, the suggestion says what."""
    (features, durations) = seen.rows(
        "SELECT coalesce(bool_or(features IS NOT NULL), false), coalesce(bool_or(duration_ms IS NOT NULL), false) "
        "FROM events WHERE {range}"
    )[0]
    wanted = [name for name, there in (("feature:*", features), ("latency_ms", durations)) if there]
    if not wanted:
        return
    found = {name: (hours, days) for name, hours, days in seen.rows(_HOURS, least=_VALUES)}
    ready = [name for name in wanted if name in found and found[name][0] >= _ENOUGH and found[name][1] > _LEAST_DAYS]
    subjects = ready or wanted[:1]
    hours, days = found.get(subjects[0], (0, 0))
    table = {
        "name": "inputs drift" if subjects[0] == "feature:*" else "latency drifts",
        "kind": "drift",
        "subjects": subjects,
        "reference": f"{next((d for d in (28, 14) if days > d), _LEAST_DAYS)}d",
        "no_data": "ok",
    }
    missing = "" if ready else f"reckon profile makes profiles; it needs {_LEAST_DAYS} days, and {_ENOUGH} such hours"
    yield Suggestion(
        f"The profiles have {hours:,} hours of {subjects[0]} with {_VALUES} values or more, over {days:,} days.",
        table,
        missing=missing,
    )
