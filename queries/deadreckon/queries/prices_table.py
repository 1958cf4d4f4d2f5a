"""The price table in force: for every provider, model and version that a lake names, what its tokens cost and when.

It is made anew for each binding out of the sources, the nearest first: [prices] of deadreckon.toml, the price file, and
the libraries of `pricing.libraries` that are installed. At each time the first of them that has a price then decides.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deadreckon.core.errors import ConfigError
from deadreckon.core.lake import Snapshot
from deadreckon.core.settings import Settings
from deadreckon.queries import prices_genai, prices_litellm
from deadreckon.queries.binding import literal
from deadreckon.queries.prices import RATES, Price, in_force, price_list
from deadreckon.queries.prices_cache import Name, names_in
from deadreckon.queries.prices_genai import Ask, Match

_LIBRARIES: Final = {
    prices_genai.NAME: (prices_genai.installed, prices_genai.ask),
    prices_litellm.NAME: (prices_litellm.installed, prices_litellm.ask),
}


@dataclass(frozen=True, slots=True)
class Library:
    """A library that is installed."""

    name: str
    version: str
    ask: Ask


@dataclass(frozen=True, slots=True)
class Sources:
    """Where prices come from: tables that people wrote, by name, and libraries; each the nearest first."""

    written: tuple[dict[str, list[Price]], ...]
    libraries: tuple[Library, ...]


def sources(settings: Settings) -> Sources:
    """The sources in force.

    Raises:
        ConfigError: the prices of the settings or of the price file do not make sense.
    """
    file = Path(settings.pricing.file)
    written = [price_list(settings.prices), price_list(read_file(file), file.name)]
    found = [(name, *_LIBRARIES[name]) for name in settings.pricing.libraries]
    libraries = [Library(name, version, ask) for name, installed, ask in found if (version := installed())]
    return Sources(tuple(table for table in written if table), tuple(libraries))


def read_file(path: Path) -> dict[str, Any]:
    """The [prices] of a price file; empty where there is no file.

    Raises:
        ConfigError: it cannot be read, is not TOML, or holds something else.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"cannot read the prices of {path}: {error}", hint="correct it, or name another file as pricing.file"
        ) from error
    prices = found.pop("prices", {})
    if found or not isinstance(prices, dict):
        raise ConfigError(
            f"{path} holds {', '.join(found) or 'no tables of prices'}",
            hint='a price file holds [prices."model"] alone',
        )
    return prices


def written_as(name: Name) -> list[str]:
    """What people may call a model's price, the nearest first."""
    provider, model, version = name
    return [key for ref in (version, model) if ref for key in ([f"{provider}/{ref}"] if provider else []) + [ref]]


def refs(name: Name) -> list[tuple[str, str]]:
    """What a library is asked for a model, the nearest first: provider and name."""
    return [(name[0], ref) for ref in dict.fromkeys((name[2], name[1])) if ref]


def from_library(name: Name, found: dict[tuple[str, str], Match]) -> Match:
    """What a library has for a model: by its version, else by its name."""
    known = [found[ref] for ref in refs(name) if found[ref].known_as]
    return next((match for match in known if match.prices), known[0] if known else Match())


def price_table(names: Iterable[Name], given: Sources) -> dict[Name, list[Price]]:
    """The history of prices of each model; empty where no source has one."""
    listed = list(names)
    asked = sorted({ref for name in listed for ref in refs(name)})
    answers = [library.ask(asked) for library in given.libraries]
    return {
        name: in_force(
            [
                *(table[key] for table in given.written for key in written_as(name) if key in table),
                *(from_library(name, answer).prices for answer in answers),
            ]
        )
        for name in listed
    }


def price_query(snapshot: Snapshot, settings: Settings) -> str:
    """The price table of a snapshot as a query, one typed column per field.

    Raises:
        ConfigError: the prices of the settings or of the price file do not make sense.
    """
    given = sources(settings)
    names = names_in(snapshot) if given.written or given.libraries else []
    rows = [_row(name, price) for name, prices in price_table(names, given).items() for price in prices]
    body = f"VALUES {', '.join(rows)}" if rows else f"SELECT {', '.join(['NULL'] * len(_TYPES))} WHERE false"
    typed = ", ".join(f"CAST({name} AS {type_}) AS {name}" for name, type_ in _TYPES.items())
    return f"SELECT {typed} FROM ({body}) AS p({', '.join(_TYPES)})"  # noqa: S608  # numbers and quoted texts


def _row(name: Name, price: Price) -> str:
    texts = [literal(t) for t in (*name, price.valid_from.isoformat(), price.valid_to.isoformat())]
    numbers = [str(price.min_input_tokens), str(price.max_input_tokens), *map(repr, price.rates)]
    return f"({', '.join([*texts, *numbers, literal(price.source), literal(price.note)])})"


_TYPES: Final = {
    "provider": "VARCHAR",
    "model": "VARCHAR",
    "model_version": "VARCHAR",
    "valid_from": "TIMESTAMPTZ",
    "valid_to": "TIMESTAMPTZ",
    "min_input_tokens": "BIGINT",
    "max_input_tokens": "BIGINT",
    **dict.fromkeys(RATES, "DOUBLE"),
    "source": "VARCHAR",
    "note": "VARCHAR",
}
