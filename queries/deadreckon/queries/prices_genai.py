"""Prices of the library genai-prices, from the data that is inside its package: nothing is fetched.

The library matches names by rules, not by a list, so it is asked name by name. To import it takes a second or two;
its answers are therefore kept in the user's folder of caches, by its version.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from typing import Any, Final

from deadreckon.core.errors import MissingExtraError, SourceError
from deadreckon.queries.prices import ENDLESS, EVER, NEVER, Price
from deadreckon.queries.prices_cache import read_cache, write_cache

NAME: Final = "genai-prices"
_KEYS: Final = {
    "input_per_mtok": "input_mtok",
    "output_per_mtok": "output_mtok",
    "cache_read_per_mtok": "cache_read_mtok",
    "cache_write_per_mtok": "cache_write_mtok",
    "reasoning_per_mtok": "output_reasoning_mtok",
}
_FEE: Final = "requests_kcount"


@dataclass(frozen=True, slots=True)
class Match:
    """What a library has for a name.

    Attributes:
        known_as: the library's own name of the model, with its provider's; empty where it has none.
        prices: its history, empty where the name is unknown or is not priced by the token.
        others: the models that others sell under the name, at other prices; only where no provider was stated.
    """

    known_as: str = ""
    prices: tuple[Price, ...] = ()
    others: tuple[str, ...] = ()


Ask = Callable[[Iterable[tuple[str, str]]], dict[tuple[str, str], Match]]
"""What a library has for pairs of a provider (may be empty) and the name of a model."""


def installed() -> str:
    """The version that is installed; empty where none is."""
    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return ""


def ask(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Match]:
    """What the installed library has for each pair of provider and model."""
    file = f"{NAME}-{installed()}-1.json"  # counted up when what is kept changes its form
    kept = read_cache(file)
    wanted = list(names)
    new = [pair for pair in wanted if json.dumps(pair) not in kept]
    if new:
        from genai_prices.data import providers

        found = matches(providers, new, f"{NAME} {installed()}")
        kept |= {json.dumps(pair): _packed(match) for pair, match in found.items()}
        write_cache(file, kept)
    return {pair: _unpacked(kept[json.dumps(pair)]) for pair in wanted}


def ask_data(raw: list[Any], source: str) -> Ask:
    """The same of data in the library's JSON, newer or older than what is installed.

    Raises:
        MissingExtraError: the library is not installed.
        SourceError: it is not its JSON.
    """
    try:
        from genai_prices.types import _providers_from_raw
    except ImportError as error:
        raise MissingExtraError(
            "genai-prices, which reads its tables, is not installed", hint="pip install 'deadreckon[prices]'"
        ) from error
    try:
        providers = _providers_from_raw(raw)
    except (ValueError, TypeError, AssertionError) as error:
        raise SourceError(
            f"{source} is no table of genai-prices: {error}", hint="give the data.json that genai-prices publishes"
        ) from error
    return lambda names: matches(providers, list(names), source)


def matches(providers: Sequence[Any], names: Sequence[tuple[str, str]], source: str) -> dict[tuple[str, str], Match]:
    """What the library finds in its providers, by its own rules."""
    from genai_prices.data_snapshot import DataSnapshot

    snapshot = DataSnapshot(providers=list(providers), from_auto_update=False)
    found: dict[tuple[str, str], Match] = {}
    for provider, model in names:
        try:
            served_by, info = snapshot.find_provider_model(model, None, _spelt(snapshot.providers, provider), None)
        except LookupError:
            found[provider, model] = Match()
            continue
        prices = history(info, f"{source} ({served_by.id}/{info.id})")
        others = () if provider else _others(snapshot.providers, served_by, model, prices)
        found[provider, model] = Match(f"{served_by.id}/{info.id}", tuple(prices), others)
    return found


def _spelt(providers: Sequence[Any], provider: str) -> str | None:
    """OpenTelemetry's names have underlines where the library's have dashes: x_ai."""
    from genai_prices.data_snapshot import find_provider_by_id

    dashed = provider.replace("_", "-")
    known = find_provider_by_id(list(providers), provider) is not None
    return dashed if not known and find_provider_by_id(list(providers), dashed) else provider or None


def _others(providers: Sequence[Any], taken: Any, model: str, prices: list[Price]) -> tuple[str, ...]:
    alike = [(p.id, m) for p in providers if p is not taken and (m := p.find_model(model)) is not None]
    rates = [(p.valid_from, p.rates) for p in prices]
    return tuple(f"{p}/{m.id}" for p, m in alike if [(x.valid_from, x.rates) for x in history(m, "")] != rates)


def history(info: Any, source: str) -> list[Price]:
    """A model's prices, the earliest first; empty where it is not priced by the token."""
    whole = info.prices if isinstance(info.prices, list) else [None]
    dated: list[tuple[datetime, Any]] = []
    by_clock = False
    for one in whole:
        start = getattr(getattr(one, "constraint", None), "start_date", None)
        if getattr(one, "constraint", None) is not None and start is None:
            by_clock = True
            continue
        begins = EVER if start is None else datetime(start.year, start.month, start.day, tzinfo=UTC)
        dated.append((begins, info.prices if one is None else one.prices))
    # Of several that hold, the library takes the last; before all of them, the first.
    moments = sorted({EVER, *(begins for begins, _ in dated)})
    found: list[Price] = []
    for i, moment in enumerate(moments):
        held = [price for begins, price in dated if begins <= moment] or [price for _, price in dated[:1]]
        if held:
            end = moments[i + 1] if i + 1 < len(moments) else NEVER
            found += _tiers(held[-1], moment, end, source, by_clock=by_clock)
    return found


def _tiers(price: Any, start: datetime, end: datetime, source: str, *, by_clock: bool) -> list[Price]:
    stated = {ours: value for ours, theirs in _KEYS.items() if (value := getattr(price, theirs)) is not None}
    if "input_per_mtok" not in stated:
        return []
    rest = sorted(key for key, value in vars(price).items() if value is not None and key not in _KEYS.values())
    notes = ["a fee for each request is left out"] * (_FEE in rest)
    notes += ["prices by the time of day are left out"] * by_clock
    others = ", ".join(key for key in rest if key != _FEE)
    notes += [f"has also, for what events do not count: {others}"] * bool(others)
    starts = sorted({0, *(tier.start + 1 for value in stated.values() for tier in getattr(value, "tiers", []))})
    rows = []
    for least, most in zip(starts, [*(s - 1 for s in starts[1:]), ENDLESS], strict=True):
        rates = {key: _at(value, least) for key, value in stated.items()}
        rates.setdefault("output_per_mtok", 0.0)  # embeddings have no output
        rates.setdefault("cache_read_per_mtok", rates["input_per_mtok"])
        rates.setdefault("cache_write_per_mtok", rates["input_per_mtok"])
        rates.setdefault("reasoning_per_mtok", rates["output_per_mtok"])
        rows.append(Price(start, end, least, most, **rates, source=source, note="; ".join(notes)))
    return rows


def _at(value: Any, input_tokens: int) -> float:
    passed = [tier.price for tier in getattr(value, "tiers", []) if input_tokens > tier.start]
    return float(passed[-1] if passed else getattr(value, "base", value))


def _packed(match: Match) -> dict[str, Any]:
    prices = [
        {**asdict(p), "valid_from": p.valid_from.isoformat(), "valid_to": p.valid_to.isoformat()} for p in match.prices
    ]
    return {"known_as": match.known_as, "prices": prices, "others": list(match.others)}


@cache
def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _unpacked(kept: dict[str, Any]) -> Match:
    prices = tuple(
        Price(**{**p, "valid_from": _moment(p["valid_from"]), "valid_to": _moment(p["valid_to"])})
        for p in kept["prices"]
    )
    return Match(kept["known_as"], prices, tuple(kept["others"]))
