"""A price, and the tables of prices that people write: [prices] of deadreckon.toml and the price file.

    [prices."model-a"]
    input_per_mtok = 3.0
    output_per_mtok = 15.0
    cache_read_per_mtok = 0.3      # else as input_per_mtok
    cache_write_per_mtok = 3.75    # else as input_per_mtok
    reasoning_per_mtok = 15.0      # else as output_per_mtok
    valid_from = 2026-06-01        # else since ever
    source = "price list of 1 June 2026"

    [[prices."model-a".tiers]]     # all tokens of a call with more input than this
    above_input_tokens = 200_000
    input_per_mtok = 6.0
    output_per_mtok = 22.5

    [[prices."model-a".earlier]]   # what held before; any number
    input_per_mtok = 5.0
    output_per_mtok = 25.0

The name is that of `model` or of `model_version` in the events, or `provider/` and that; the nearer one wins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any, Final

from deadreckon.core.errors import ConfigError
from deadreckon.core.settings import nearest

EVER: Final = datetime(1, 1, 1, tzinfo=UTC)
NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
ENDLESS: Final = 2**63 - 1
_LIKE: Final = {
    "cache_read_per_mtok": "input_per_mtok",
    "cache_write_per_mtok": "input_per_mtok",
    "reasoning_per_mtok": "output_per_mtok",
}
"""What a rate is where it is not stated."""
RATES: Final = ("input_per_mtok", "output_per_mtok", *_LIKE)
KEYS: Final = (*RATES, "valid_from", "source", "note", "recorded")
"""Keys of an entry, beside `tiers` and `earlier`; `recorded` is the day on which `reckon prices update` wrote it."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, in force from `valid_from` until before `valid_to`.

    It is that of calls with at least `min_input_tokens` and at most `max_input_tokens`; `note` says what of the
    source's price it leaves out.
    """

    valid_from: datetime
    valid_to: datetime
    min_input_tokens: int
    max_input_tokens: int
    input_per_mtok: float
    output_per_mtok: float
    cache_read_per_mtok: float
    cache_write_per_mtok: float
    reasoning_per_mtok: float
    source: str
    note: str = ""

    @property
    def rates(self) -> tuple[float, ...]:
        """The prices alone, in the order of RATES."""
        return tuple(getattr(self, rate) for rate in RATES)


def price_list(prices: Mapping[str, Any], source: str = "deadreckon.toml") -> dict[str, list[Price]]:
    """The prices that a table of the settings holds, by name, each with the time for which it holds.

    Raises:
        ConfigError: an unknown key, a price that is no number or is negative, or two prices from the same time on.
    """
    return {model: _periods(model, entry, source) for model, entry in prices.items()}


def _periods(model: str, entry: Any, source: str) -> list[Price]:
    if not isinstance(entry, dict):
        raise ConfigError(
            f"prices.{model} is {entry!r}, not a table", hint=f'write [prices."{model}"] above its prices'
        )
    latest = {k: v for k, v in entry.items() if k != "earlier"}
    found: list[Price] = []
    dated = sorted(
        ((_valid_from(model, e), e) for e in [*_tables(model, entry, "earlier"), latest]), key=lambda pair: pair[0]
    )
    starts = [start for start, _ in dated]
    for i, (start, one) in enumerate(dated):
        if start in starts[:i]:
            raise ConfigError(
                f"prices.{model} has two prices from {said(start)} on", hint="give each its own valid_from"
            )
        found += _tiers(model, one, start, starts[i + 1] if i + 1 < len(starts) else NEVER, source)
    return found


def _tables(model: str, entry: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = entry.get(key, [])
    if not isinstance(found, list) or not all(isinstance(e, dict) for e in found):
        raise ConfigError(
            f"prices.{model}.{key} is {found!r}, not a list of tables",
            hint=f'write each as [[prices."{model}".{key}]]',
        )
    return found


def _tiers(model: str, entry: Mapping[str, Any], start: datetime, end: datetime, source: str) -> list[Price]:
    base = {k: v for k, v in entry.items() if k != "tiers"}
    _known(model, base, [*KEYS, "tiers", "earlier"])
    steps = [(0, _rates(model, base))]
    for tier in _tables(model, entry, "tiers"):
        _known(model, tier, ["above_input_tokens", *RATES])
        above = tier.get("above_input_tokens")
        if isinstance(above, bool) or not isinstance(above, int) or above < 1:
            raise ConfigError(
                f"prices.{model}.tiers has above_input_tokens {above!r}, not a number of tokens",
                hint="write above_input_tokens = 200_000",
            )
        if above + 1 in (step for step, _ in steps):
            raise ConfigError(f"prices.{model}.tiers has two tiers above {above} tokens", hint="keep one of them")
        steps.append((above + 1, _rates(model, tier)))
    steps.sort(key=lambda step: step[0])
    ends = [*(step - 1 for step, _ in steps[1:]), ENDLESS]
    stated, note = str(entry.get("source", source)), str(entry.get("note", ""))
    return [
        Price(start, end, least, most, **rates, source=stated, note=note)
        for (least, rates), most in zip(steps, ends, strict=True)
    ]


def _known(model: str, entry: Mapping[str, Any], keys: list[str]) -> None:
    for key in entry:
        if key not in keys:
            raise ConfigError(f"prices.{model} has an unknown key {key!r}", hint=nearest(key, keys))


def _rates(model: str, entry: Mapping[str, Any]) -> dict[str, float]:
    rates: dict[str, float] = {}
    for rate in RATES:
        value = entry.get(rate, rates.get(_LIKE.get(rate, "")))
        wrong = isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0
        if wrong:
            raise ConfigError(
                f"prices.{model}.{rate} is {value!r}, not a price in US dollars per million tokens",
                hint=f"write {rate} = 3.0",
            )
        rates[rate] = float(value)
    return rates


def _valid_from(model: str, entry: Mapping[str, Any]) -> datetime:
    value = entry.get("valid_from", EVER)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            pass  # said below, with the value
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise ConfigError(f"prices.{model}.valid_from is {value!r}, not a date", hint="write valid_from = 2026-06-01")


def said(start: datetime) -> str:
    """A time from which a price holds, in words."""
    return "the beginning" if start == EVER else start.date().isoformat()


def in_force(layers: Iterable[Iterable[Price]]) -> list[Price]:
    """One history of prices out of several: at each time, that of the first which has one then."""
    listed = [list(layer) for layer in layers]
    moments = sorted({moment for layer in listed for p in layer for moment in (p.valid_from, p.valid_to)})
    spans: list[tuple[datetime, datetime, list[Price]]] = []
    for start, end in pairwise(moments):
        held = next((h for layer in listed if (h := [p for p in layer if p.valid_from <= start < p.valid_to])), [])
        if spans and spans[-1][1] == start and spans[-1][2] == held:
            spans[-1] = (spans[-1][0], end, held)
        elif held:
            spans.append((start, end, held))
    return [_within(price, start, end) for start, end, held in spans for price in held]


def _within(price: Price, start: datetime, end: datetime) -> Price:
    return replace(price, valid_from=start, valid_to=end)


def cut(prices: Iterable[Price], start: datetime = EVER, end: datetime = NEVER) -> list[Price]:
    """The part of a history from `start` until before `end`."""
    return [
        _within(p, max(p.valid_from, start), min(p.valid_to, end))
        for p in prices
        if p.valid_from < end and p.valid_to > start
    ]
