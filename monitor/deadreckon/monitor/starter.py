"""A first file of rules: those that fit a lake, tried on it, and written with their reasons."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from deadreckon.core.errors import QueryError
from deadreckon.core.lake import Lake
from deadreckon.monitor.fits import FITS, Suggestion
from deadreckon.monitor.fits_drift import drift
from deadreckon.monitor.kinds.drift import KEPT
from deadreckon.monitor.looking import Look
from deadreckon.monitor.rules import load_rules
from deadreckon.monitor.run import run
from deadreckon.monitor.windows import Asker, ask

_NEWEST: Final = "SELECT epoch(max(ts)) FROM events WHERE ts <= to_timestamp($now) AND kind IS DISTINCT FROM 'alert'"


@dataclass(frozen=True, slots=True)
class Starter:
    """What was found in a lake. Times are epoch seconds."""

    begin: int
    """The first event that was looked at."""
    newest: int
    events: int
    suggestions: tuple[Suggestion, ...]
    left_out: tuple[str, ...] = ()
    """Why kinds of rules are not among them that could not be looked at within the limits."""


Ask = Callable[[], AbstractContextManager[Asker]]


def look(lake: Lake, ask_: Ask, *, now: float) -> Starter | None:
    """What fits a lake, or None where it holds no event. It is read within the limits of what `ask_` opens.

    Each rule was tried on the lake, as of now and of its newest event: one that would fire stands as a comment.

    Raises:
        QueryError: not even its first and last event could be found within the limits.
    """
    with ask_() as asker:
        newest = ask(asker, _NEWEST, {"now": now})[0][0]
        if newest is None:
            return None
        seen = Look(asker, math.ceil(newest))
        begin, events = seen.rows("SELECT epoch(min(ts)), count(*) FROM events WHERE {range}")[0]
        found, left_out = _fitting(seen)
    tried = _tried(lake, ask_, found, (now, math.ceil(newest)))
    return Starter(int(begin), math.ceil(newest), events, tuple(tried), tuple(left_out))


def written(starter: Starter) -> str:
    """The rules as they stand in deadreckon.toml, each with its reason above it."""
    since, until = (datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d") for at in (starter.begin, starter.newest))
    head = [
        f"# Rules that fit {starter.events:,} events of {since} to {until}, as `reckon monitor init` found them.",
        "# Look at each: a threshold says what was seen, not what is right. reckon monitor --keys lists every key.",
        '# no_data = "ok" lets a rule be silent while other events come. Where the lake holds no event at all in a',
        "# window nothing is ok: reckon monitor says no_data and ends with 3 (--fail-on firing,error leaves that out).",
    ]
    rules = [line for one in starter.suggestions for line in ["", *_block(one)]]
    tail = ["", *(f"# Left out: {' '.join(why.split())}" for why in starter.left_out)] if starter.left_out else []
    return "\n".join([*head, *rules, *tail]) + "\n"


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(one) for one in value) + "]"
    if isinstance(value, str) and "\n" in value and '"""' not in value:
        return f'"""\n{value.strip()}\n"""'
    return json.dumps(value, ensure_ascii=False)


def _block(one: Suggestion) -> list[str]:
    rule = ["[[rules]]", *(line for key, value in one.table.items() for line in f"{key} = {toml(value)}".splitlines())]
    if one.missing:
        return [f"# {one.why}", f"# Not yet: {one.missing}.", *_hidden(rule)]
    if not one.fires:
        return [f"# {one.why}", *rule]
    return [f"# {one.why}", f"# It would fire at once ({one.fires}): take it in when that is mended.", *_hidden(rule)]


def _hidden(lines: Iterable[str]) -> list[str]:
    return [f"# {line}" for line in lines]


def _fitting(seen: Look) -> tuple[list[Suggestion], list[str]]:
    found: list[Suggestion] = []
    left_out: list[str] = []
    for what, fit in {**FITS, "drift": drift}.items():
        try:
            found += fit(seen)
        except QueryError as error:
            left_out.append(f"{what}: {error.message}; {error.hint}")
    return found, left_out


def _tried(lake: Lake, ask_: Ask, found: Sequence[Suggestion], times: Sequence[float]) -> Iterator[Suggestion]:
    rules = load_rules([one.table for one in found if not one.missing])
    fires: dict[str, str] = {}
    with _leaving(lake.root / KEPT):
        for at in times:
            for alert in run(lake, rules, ask_, as_of=at, now=at, dry_run=True).alerts:
                if alert.stream.state in ("firing", "pending", "error"):
                    fires[alert.stream.rule] = " ".join(alert.summary.split())
    for one in found:
        said = [fires[rule.name] for rule in load_rules([one.table]) if rule.name in fires]
        yield replace(one, fires=said[0] if said else "")


@contextmanager
def _leaving(place: Path) -> Iterator[None]:
    """Remove what was kept for later, where nothing was kept before: whoever only looks leaves nothing behind."""
    was_there = place.exists()
    yield
    if not was_there:
        shutil.rmtree(place, ignore_errors=True)
