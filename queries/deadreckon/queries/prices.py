"""The price table of deadreckon.toml: what a million tokens of a model cost, and since when.

    [prices."model-a"]
    input_per_mtok = 3.0
    output_per_mtok = 15.0
    cache_read_per_mtok = 0.3      # else as input_per_mtok
    cache_write_per_mtok = 3.75    # else as input_per_mtok
    valid_from = 2026-06-01        # else since ever
    source = "price list of 1 June 2026"

    [[prices."model-a".earlier]]   # what held before; any number
    input_per_mtok = 5.0
    output_per_mtok = 25.0

The name is that of `model` or of `model_version` in the events; a price of the version wins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from deadreckon.core.errors import ConfigError
from deadreckon.core.settings import nearest

EVER: Final = datetime(1, 1, 1, tzinfo=UTC)
NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
RATES: Final = ("input_per_mtok", "output_per_mtok", "cache_read_per_mtok", "cache_write_per_mtok")
KEYS: Final = (*RATES, "valid_from", "source")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens of one model, in force from `valid_from` until before `valid_to`."""

    model: str
    valid_from: datetime
    valid_to: datetime
    input_per_mtok: float
    output_per_mtok: float
    cache_read_per_mtok: float
    cache_write_per_mtok: float
    source: str


def price_list(prices: Mapping[str, Mapping[str, Any]]) -> list[Price]:
    """The prices of the settings, each with the time for which it holds.

    Raises:
        ConfigError: an unknown key, a price that is no number or is negative, or two prices from the same time on.
    """
    found: list[Price] = []
    for model, entry in prices.items():
        latest = {k: v for k, v in entry.items() if k != "earlier"}
        earlier = entry.get("earlier", [])
        if not isinstance(earlier, list) or not all(isinstance(e, dict) for e in earlier):
            raise ConfigError(
                f"prices.{model}.earlier is {earlier!r}, not a list of tables",
                hint=f'write each as [[prices."{model}".earlier]]',
            )
        dated = sorted(((_valid_from(model, e), e) for e in [*earlier, latest]), key=lambda pair: pair[0])
        starts = [start for start, _ in dated]
        for i, (start, one) in enumerate(dated):
            if start in starts[:i]:
                raise ConfigError(
                    f"prices.{model} has two prices from {_said(start)} on", hint="give each its own valid_from"
                )
            found.append(_price(model, one, start, starts[i + 1] if i + 1 < len(starts) else NEVER))
    return found


def _price(model: str, entry: Mapping[str, Any], start: datetime, end: datetime) -> Price:
    for key in entry:
        if key not in KEYS:
            raise ConfigError(f"prices.{model} has an unknown key {key!r}", hint=nearest(key, [*KEYS, "earlier"]))
    rates: dict[str, float] = {}
    for rate in RATES:
        value = entry.get(rate, rates.get("input_per_mtok") if rate.startswith("cache") else None)
        wrong = isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0
        if wrong:
            raise ConfigError(
                f"prices.{model}.{rate} is {value!r}, not a price in US dollars per million tokens",
                hint=f"write {rate} = 3.0",
            )
        rates[rate] = float(value)
    return Price(model, start, end, **rates, source=str(entry.get("source", "deadreckon.toml")))


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


def _said(start: datetime) -> str:
    return "the beginning" if start == EVER else start.date().isoformat()


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def price_query(prices: Iterable[Price]) -> str:
    """The prices as a query, one typed column per field."""
    rows = [_row(price) for price in prices]
    body = f"VALUES {', '.join(rows)}" if rows else f"SELECT {', '.join(['NULL'] * len(_TYPES))} WHERE false"
    typed = ", ".join(f"CAST({name} AS {type_}) AS {name}" for name, type_ in _TYPES.items())
    return f"SELECT {typed} FROM ({body}) AS p({', '.join(_TYPES)})"  # noqa: S608  # numbers and quoted texts


def _row(price: Price) -> str:
    texts = [_literal(t) for t in (price.model, price.valid_from.isoformat(), price.valid_to.isoformat())]
    rates = [repr(getattr(price, rate)) for rate in RATES]
    return f"({', '.join([*texts, *rates, _literal(price.source)])})"


_TYPES: Final = {
    "model": "VARCHAR",
    "valid_from": "TIMESTAMPTZ",
    "valid_to": "TIMESTAMPTZ",
    **dict.fromkeys(RATES, "DOUBLE"),
    "source": "VARCHAR",
}
