"""What happens in the story, and when: every planted fact has its place here and nowhere else.

Ternpost is an invented parcel service. Its support agent, `tern-agent`, answers customers with the team's own model
`tern-assist`; a rented small model judges and embeds. All times are UTC, as microseconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

SEED: Final = 20261005
FIRST_DAY: Final = date(2026, 10, 5)
DAYS: Final = 21
DAY: Final = 86_400_000_000
HOUR: Final = 3_600_000_000


def at(text: str) -> int:
    """Microseconds since 1970 of an ISO time such as `2026-10-13T09:00`, read as UTC."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000


START: Final = at("2026-10-05T00:00")
END: Final = START + DAYS * DAY
TRAINED_FROM: Final = FIRST_DAY - timedelta(days=7)
"""The trainer's log begins a week before the traffic: what is in production was trained then."""
DATES: Final = tuple((TRAINED_FROM + timedelta(days=i)).isoformat() for i in range(DAYS + 8))

MODEL: Final = "tern-assist"
PROVIDER: Final = "in-house"
JUDGE_MODEL: Final = "moor-mini"
EMBED_MODEL: Final = "moor-embed"
RENTED_PROVIDER: Final = "brightmoor"
AGENT: Final = "support"


@dataclass(frozen=True, slots=True)
class Character:
    """How a version of tern-assist behaves: medians per call, and rates."""

    version: str
    run_id: str
    call_ms: float
    spread: float
    ttft_ms: float
    output_tokens: int
    reasoning_tokens: int
    cached: float
    cancelled: float
    quality: float


OLD: Final = Character("1.4.0", "run-2026-09-29-a", 980.0, 0.32, 310.0, 170, 0, 0.25, 0.010, 0.74)
GOOD: Final = Character("1.5.0", "run-2026-10-07-c", 840.0, 0.30, 250.0, 160, 0, 0.55, 0.008, 0.81)
SLOW: Final = Character("1.6.0", "run-2026-10-16-b", 1790.0, 0.42, 690.0, 210, 380, 0.40, 0.070, 0.82)
CHARACTERS: Final = {c.version: c for c in (OLD, GOOD, SLOW)}

PRICES: Final = {
    # US cents per million tokens, whole numbers so that sums are exact: input, cached input, output with reasoning.
    MODEL: (120, 30, 480),
    JUDGE_MODEL: (15, 5, 60),
}
"""EMBED_MODEL is missing on purpose: nobody has entered its price, so its calls must show as unpriced."""

SHADOW: Final = (
    (at("2026-10-08T09:00"), at("2026-10-09T08:00"), GOOD, 0.20),
    (at("2026-10-18T09:00"), at("2026-10-20T09:00"), SLOW, 0.12),
)
CANARY: Final = (
    (at("2026-10-09T08:00"), at("2026-10-10T08:00"), GOOD, 0.20),
    (at("2026-10-20T09:00"), at("2026-10-22T15:00"), SLOW, 0.25),
)
PROMOTED: Final = at("2026-10-10T08:00")
ROLLED_BACK: Final = at("2026-10-22T15:00")

FAILING_TOOL: Final = "order_lookup"
TOOL_FAILS: Final = (at("2026-10-13T09:00"), at("2026-10-14T17:00"))
TOOL_ERROR_RATE: Final = (0.012, 0.45)

RETRY_STORM: Final = (at("2026-10-16T00:00"), at("2026-10-17T00:00"))
TIMEOUT_RATE: Final = 0.003
INVALID_RATE: Final = (0.004, 0.64)
"""Share of answers that are not the JSON that was asked for, and are asked for again: usually, and in the storm."""
MAX_ATTEMPTS: Final = 6

DRIFT_FEATURE: Final = "account_age_days"
DRIFT_FROM: Final = at("2026-10-19T00:00")
NEWCOMERS: Final = 0.65
"""Share of sessions by new customers once the campaign of DRIFT_FROM runs."""

HOURLY: Final = (2, 1, 1, 1, 1, 2, 5, 9, 14, 17, 18, 17, 15, 16, 17, 16, 15, 13, 12, 11, 9, 7, 5, 3)
WEEKEND: Final = 0.6


def weight(hour: int) -> float:
    """How busy the n-th hour of the story is, against others."""
    day, hour_of_day = divmod(hour, 24)
    weekday = (FIRST_DAY + timedelta(days=day)).weekday()
    return HOURLY[hour_of_day] * (WEEKEND if weekday >= 5 else 1.0)


WEIGHTS: Final = tuple(weight(h) for h in range(DAYS * 24))
