"""Prices out of the JSON file that comes with litellm, which is read and never imported.

It has no dates: its prices are taken to have held since ever. Its names are exact: `model`, or `provider/model`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from deadreckon.queries.prices import ENDLESS, EVER, NEVER, Price
from deadreckon.queries.prices_genai import Ask, Match

NAME: Final = "litellm"
_FILE: Final = "model_prices_and_context_window_backup.json"
_KEYS: Final = {
    "input_per_mtok": "input_cost_per_token",
    "output_per_mtok": "output_cost_per_token",
    "cache_read_per_mtok": "cache_read_input_token_cost",
    "cache_write_per_mtok": "cache_creation_input_token_cost",
    "reasoning_per_mtok": "output_cost_per_reasoning_token",
}
_ABOVE: Final = re.compile(r"_above_(\d+)k_tokens$")
_MARK: Final = re.compile(r"[^a-z0-9]+")


def installed() -> str:
    """The version that is installed, or `?` where its file is there without one; empty where it is not."""
    if _path() is None:
        return ""
    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return "?"


def _path() -> Path | None:
    try:
        spec = find_spec(NAME)  # of a package on top of the tree: nothing is imported
    except (ImportError, ValueError):
        return None
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (Path(folder) / _FILE).is_file():
            return Path(folder) / _FILE
    return None


def ask(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Match]:
    """What the installed file has for each pair of provider and model."""
    path = _path()
    table = _table(path, path.stat().st_mtime_ns) if path else {}
    return _matches(table, names, f"{NAME} {installed()}")


def ask_data(raw: Mapping[str, Any], source: str) -> Ask:
    """The same of data in litellm's JSON."""
    return lambda names: _matches(raw, names, source)


@lru_cache(maxsize=1)
def _table(path: Path, _changed: int) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _matches(table: Mapping[str, Any], names: Iterable[tuple[str, str]], source: str) -> dict[tuple[str, str], Match]:
    return {pair: _match(table, *pair, source) for pair in names}


def _match(table: Mapping[str, Any], provider: str, model: str, source: str) -> Match:
    keys = [model, *(f"{p}/{model}" for p in _spellings(provider))]
    fit = [key for key in keys if isinstance(table.get(key), dict) and _serves(provider, key, table[key])]
    if not fit:
        return Match()
    rows = _tiers(table[fit[0]], f"{source} ({fit[0]})")
    others: tuple[str, ...] = ()
    if not provider:
        same = [k for k, v in table.items() if k != fit[0] and k.endswith(f"/{model}") and isinstance(v, dict)]
        rates = [p.rates for p in rows]
        others = tuple(k for k in same if [p.rates for p in _tiers(table[k], "")] != rates)
    return Match(fit[0], tuple(rows), others)


def _spellings(provider: str) -> list[str]:
    """What litellm may call a provider: OpenTelemetry says `aws.bedrock` and `gcp.vertex_ai`."""
    words = [word for word in provider.lower().split(".") if word]
    return list(dict.fromkeys([provider, *reversed(words)])) if provider else []


def _serves(provider: str, key: str, entry: Mapping[str, Any]) -> bool:
    if not provider:
        return True
    served_by = str(entry.get("litellm_provider", "")).lower()
    spelt = _spellings(provider.lower())
    return key.partition("/")[0] in spelt or any(
        served_by == _MARK.sub("_", s) or served_by.startswith((f"{s}-", f"{s}_converse")) for s in spelt
    )


def _tiers(entry: Mapping[str, Any], source: str) -> list[Price]:
    stated = {ours: _dollars(entry.get(theirs)) for ours, theirs in _KEYS.items()}
    given = {key: value for key, value in stated.items() if value is not None}
    if "input_per_mtok" not in given or not any(given.values()):  # 0 stands there for what litellm does not know, too
        return []
    above = sorted(
        {int(m[1]) * 1000 for key in entry if (m := _ABOVE.search(key)) and key[: m.start()] in _KEYS.values()}
    )
    starts = [0, *(limit + 1 for limit in above)]
    note = "tiers of a form that is not read are left out" if entry.get("tiered_pricing") else ""
    rows: list[Price] = []
    for least, most in zip(starts, [*(s - 1 for s in starts[1:]), ENDLESS], strict=True):
        here = {
            key: value
            for key, theirs in _KEYS.items()
            if (value := _dollars(entry.get(f"{theirs}_above_{(least - 1) // 1000}k_tokens"))) is not None
        }
        given = given | here
        full = {
            "output_per_mtok": 0.0,
            **given,
        }
        full.setdefault("cache_read_per_mtok", full["input_per_mtok"])
        full.setdefault("cache_write_per_mtok", full["input_per_mtok"])
        full.setdefault("reasoning_per_mtok", full["output_per_mtok"])
        rows.append(Price(EVER, NEVER, least, most, **full, source=source, note=note))
    return rows


def _dollars(value: Any) -> float | None:
    """Dollars per million tokens from dollars per token."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        return None
    return float(f"{value * 1e6:.10g}")  # 1.25e-07 * 1e6 is a little off
