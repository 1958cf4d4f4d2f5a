"""`reckon prices update`: the libraries' prices, written into the price file, so that the past stays as it was.

What an earlier update wrote for the time before is never changed, except that a change which the library itself dates
after that update counts from its date. Entries without `recorded` are people's own, and are left alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from deadreckon.core.durable import write_atomically
from deadreckon.core.errors import SourceError, UsageError
from deadreckon.queries.prices import EVER, RATES, Price, cut, price_list, said
from deadreckon.queries.prices_cache import Name
from deadreckon.queries.prices_genai import Ask
from deadreckon.queries.prices_table import read_file, refs

_HEAD: Final = """\
# Prices in US dollars per million tokens. `reckon prices update` writes this file, comments excepted: entries with
# `recorded` are its own; for a price of yours write an entry without, here or in deadreckon.toml.
"""
_LARGEST: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Change:
    """What an update did to one entry: added, changed, same, or kept because it is somebody's own."""

    key: str
    change: str
    valid_from: str
    source: str


def record(
    file: Path, names: Iterable[Name], libraries: Sequence[Ask], today: date, *, write: bool = True
) -> list[Change]:
    """Write what the libraries have for these models into the price file; what changed, by entry.

    Raises:
        ConfigError: the file that is there does not make sense.
        UsageError: it cannot be written.
    """
    entries = read_file(file)
    before = price_list(entries, file.name)
    asked = sorted({ref for name in names for ref in refs(name)})
    answers = [ask(asked) for ask in libraries]
    changes: list[Change] = []
    for provider, ref in asked:
        key = f"{provider}/{ref}" if provider else ref
        found = next((m.prices for answer in answers if (m := answer[provider, ref]).prices), ())
        if not found:
            continue
        own = key in entries and "recorded" not in entries[key]
        merged = _merged(before.get(key, []), list(found), _day(entries.get(key, {}).get("recorded")), today)
        change = "kept" if own else "added" if key not in entries else "changed" if merged else "same"
        if merged and not own:
            entries[key] = _entry(merged, today)
        now = price_list({key: entries[key]})[key][-1]
        changes.append(Change(key, change, said(now.valid_from), now.source))
    if write and any(c.change in ("added", "changed") for c in changes):
        try:
            write_atomically(file, (_HEAD + written(entries)).encode())
        except OSError as error:
            raise UsageError(
                f"cannot write {file}: {error.strerror or error}", hint="name another file as pricing.file"
            ) from error
    return changes


def _day(value: Any) -> datetime | None:
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else None


def _merged(before: list[Price], found: list[Price], recorded: datetime | None, today: date) -> list[Price]:
    """The history to write; empty where nothing changed."""
    if not before:
        return found
    now = datetime(today.year, today.month, today.day, tzinfo=UTC)
    since = recorded or now
    ahead = _steps(cut(found, now))
    if ahead == _steps(cut(before, now)):
        return []
    turn = min((p.valid_from for p in found if since < p.valid_from <= now), default=now)
    later = sorted({turn, *(p.valid_from for p in (*before, *found) if p.valid_from > turn)})
    turn = next(moment for moment in later if _at(before, moment) != _at(found, moment))
    return [*cut(before, EVER, turn), *cut(found, turn)]


def _at(prices: Iterable[Price], moment: datetime) -> list[Any]:
    return [(p.min_input_tokens, p.rates) for p in prices if p.valid_from <= moment < p.valid_to]


def _steps(prices: Iterable[Price]) -> list[Any]:
    return [(p.valid_from, p.min_input_tokens, p.rates) for p in prices]


def _entry(prices: list[Price], today: date) -> dict[str, Any]:
    by_start: dict[datetime, list[Price]] = {}
    for price in sorted(prices, key=lambda p: (p.valid_from, p.min_input_tokens)):
        by_start.setdefault(price.valid_from, []).append(price)
    periods = [_period(tiers) for tiers in by_start.values()]
    latest = periods.pop()
    return {**latest, "recorded": today, **({"earlier": list(reversed(periods))} if periods else {})}


def _period(tiers: list[Price]) -> dict[str, Any]:
    base = tiers[0]
    entry: dict[str, Any] = dict(zip(RATES, base.rates, strict=True))
    if base.valid_from > EVER:
        entry["valid_from"] = (
            base.valid_from.date() if base.valid_from.time() == datetime.min.time() else base.valid_from
        )
    entry["source"] = base.source
    if base.note:
        entry["note"] = base.note
    if len(tiers) > 1:
        entry["tiers"] = [
            {"above_input_tokens": t.min_input_tokens - 1, **dict(zip(RATES, t.rates, strict=True))} for t in tiers[1:]
        ]
    return entry


def written(entries: Mapping[str, Any]) -> str:
    """Entries as TOML, by name."""
    return "".join(_table(f"prices.{_text(key)}", entries[key], "[{}]") for key in sorted(entries))


def _table(path: str, entry: Mapping[str, Any], form: str) -> str:
    lines = ["", form.format(path)]
    lines += [f"{_key(key)} = {_value(value)}" for key, value in entry.items() if not isinstance(value, list)]
    text = "\n".join(lines) + "\n"
    for key, value in entry.items():
        if isinstance(value, list):
            text += "".join(_table(f"{path}.{_key(key)}", one, "[[{}]]") for one in value)
    return text


def _key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and key.isascii() else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    # JSON writes a text as TOML does, but for one character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def fetched(place: str) -> bytes:
    """The content of a file, or of a URL, which is the one thing here that goes online.

    Raises:
        SourceError: it cannot be had, or is larger than any table of prices.
    """
    from urllib.request import urlopen

    try:
        if not place.startswith(("https://", "http://")):
            return Path(place).read_bytes()
        with urlopen(place, timeout=30) as answer:  # noqa: S310  # http and https alone
            content: bytes = answer.read(_LARGEST + 1)
    except OSError as error:
        raise SourceError(f"cannot read {place}: {error}", hint="check the address or the file's name") from error
    if len(content) > _LARGEST:
        raise SourceError(f"{place} has more than {_LARGEST >> 20} MiB", hint="give a table of prices")
    return content
