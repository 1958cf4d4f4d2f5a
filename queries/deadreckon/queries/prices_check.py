"""What is to be known about the prices of a lake's calls: which have none, which differ, whose they are taken to be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.queries.connection import connect
from deadreckon.queries.prices_cache import Name
from deadreckon.queries.prices_record import record
from deadreckon.queries.prices_table import Sources, from_library, refs, sources, written_as

WRONG: Final = ("unpriced", "differs")
"""Findings that make a cost unknown or doubtful."""

_CALLS: Final = """
    SELECT
        coalesce(provider, ''), coalesce(model, ''), coalesce(model_version, ''),
        count(*),
        count(*) FILTER (WHERE cost_source = 'unpriced'),
        count(*) FILTER (WHERE cost_source = 'unpriced' AND input_tokens IS NULL),
        count(difference_usd),
        sum(reported_usd) FILTER (WHERE difference_usd IS NOT NULL),
        sum(computed_usd) FILTER (WHERE difference_usd IS NOT NULL),
        count(*) FILTER (WHERE abs(difference_usd) > $tolerance * greatest(abs(reported_usd), computed_usd))
    FROM model_calls
    GROUP BY ALL
    ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found.

    Attributes:
        finding: unpriced, differs, agrees, outdated, assumed or left out.
        provider, model, model_version: of the calls; empty where they state none.
        calls: how many it is about.
        reported_usd, computed_usd: sums over the calls where both are known, for differs and agrees.
        detail: what it is, and what can be done.
    """

    finding: str
    provider: str
    model: str
    model_version: str
    calls: int
    reported_usd: float | None = None
    computed_usd: float | None = None
    detail: str = ""

    @property
    def difference_usd(self) -> float | None:
        """Reported less computed."""
        if self.reported_usd is None or self.computed_usd is None:
            return None
        return round(self.reported_usd - self.computed_usd, 9)  # what is smaller comes of adding up


def check(lake: Lake, settings: Settings, *, tolerance: float, today: date) -> list[Finding]:
    """Everything there is to say of the prices of a lake's calls; a call differs by more than a share of its cost.

    Raises:
        ConfigError: the prices of the settings or of the price file do not make sense.
    """
    given = sources(settings)
    with connect(lake, settings=settings) as con:
        con.execute(
            "SELECT DISTINCT coalesce(provider, ''), coalesce(model, ''), coalesce(model_version, ''), note FROM prices"
        )
        notes = {(p, m, v): note for p, m, v, note in con.fetchall() if note and "left out" in note}
        rows = con.execute(_CALLS, {"tolerance": tolerance}).fetchall()
    found: list[Finding] = []
    counted: dict[Name, int] = {}
    for provider, model, version, calls, unpriced, countless, both, reported, computed, off in rows:
        name = (provider, model, version)
        counted[name] = calls
        if unpriced > countless:
            detail = "no source has a price for it then; write one in [prices]"
            found.append(Finding("unpriced", *name, unpriced - countless, detail=detail))
        if countless:
            found.append(Finding("unpriced", *name, countless, detail="the calls state no input tokens, or below zero"))
        if both:
            detail = f"{off} of {both} calls by more than {tolerance:.3g} of their cost" if off else ""
            found.append(Finding("differs" if off else "agrees", *name, both, reported, computed, detail))
        if name in notes:
            found.append(Finding("left out", *name, calls, detail=notes[name]))
    found += _assumed(counted, given)
    found += _outdated(counted, settings, given, today)
    order = [*WRONG, "outdated", "assumed", "left out", "agrees"]
    return sorted(found, key=lambda f: (order.index(f.finding), f.provider, f.model, f.model_version))


def _assumed(counted: dict[Name, int], given: Sources) -> list[Finding]:
    """Calls that state no provider, of models that are not sold at one price: libraries say whose a name is."""
    bare = [
        name
        for name in counted
        if not name[0] and not any(k in table for table in given.written for k in written_as(name))
    ]
    wanted = sorted({ref for name in bare for ref in refs(name)})
    found: list[Finding] = []
    for library in given.libraries:
        answer = library.ask(wanted)
        for name in list(bare):
            match = from_library(name, answer)
            if match.prices:
                bare.remove(name)  # decided here: the libraries after it are not asked
            if match.prices and match.others:
                detail = f"no provider is stated: priced as {match.known_as}; at other prices: {_some(match.others)}"
                found.append(Finding("assumed", *name, counted[name], detail=detail))
    return found


def _some(others: tuple[str, ...]) -> str:
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return ", ".join(others[:3]) + more


def _outdated(counted: dict[Name, int], settings: Settings, given: Sources, today: date) -> list[Finding]:
    file = Path(settings.pricing.file)
    asks = [library.ask for library in given.libraries]
    changes = {c.key: c for c in record(file, counted, asks, today, write=False) if c.change == "changed"}
    found: list[Finding] = []
    for name, calls in counted.items():
        key = next((key for key in written_as(name) if key in changes), None)
        if key is not None:
            detail = f"{file.name} holds another price than {changes[key].source}; reckon prices update takes it over"
            found.append(Finding("outdated", *name, calls, detail=detail))
    return found
