"""Facts of an alert, what its rule tells beside the value: as JSON for programs, in lines for people."""

from __future__ import annotations

import math
import re
import textwrap
from typing import Any, Final

import orjson

from deadreckon.monitor.summary import shown
from deadreckon.monitor.windows import Fact, Facts
from deadreckon.monitor.words import amount

COMMAND: Final = "explain"
"""The fact that is a command to call next."""
_SHOWN: Final = 12
"""Facts that people read; programs get all."""
_LONG: Final = 40
"""Characters from which on a fact has a line of its own."""
_WIDTH: Final = 76
_TIED: Final = "\xa0"
"""A blank at which no line ends."""
_BOUNDS: Final = ("_low", "_high", "_floor")
"""Ends of names of what a number lies between: for programs."""
_INNER: Final = frozenset({"e", "evidence", "enough", "match", "mode", "windows", "n_reference", "counted"})
"""How a verdict came about: for who looks into it, and not for who is called."""
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):00Z")


def told_facts(facts: Facts) -> dict[str, Any]:
    """Facts as JSON has them: it has no number for an infinite value, which is told as text."""
    return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in facts.items()}


def facts_json(facts: Facts) -> str:
    """Facts as JSON text, in their order."""
    return orjson.dumps(told_facts(facts)).decode()


def facts_line(facts: Facts) -> str:
    """Facts as people read them, in one line: budget left 0.31, burn long 25. The first ones, where there are many."""
    known = [f"{name.replace('_', ' ')} {shown(value)}" for name, value in facts.items() if value not in (None, "")]
    return ", ".join([*known[:_SHOWN], *([f"and {len(known) - _SHOWN} more"] if len(known) > _SHOWN else [])])


def facts_lines(facts: Facts, *, inner: bool = True) -> list[str]:
    """The same in lines of a page's width: long ones first and by themselves, without what only programs need.

    `inner`: also how the verdict came about.
    """
    long: list[str] = []
    short: list[str] = []
    for name, value in facts.items():
        if value in (None, "") or name == COMMAND or _is_bound(name, facts) or (name in _INNER and not inner):
            continue
        text, said = _said(name, value), name.replace("_", " ")
        if "; " in text:
            long += [f"{said}:", *(f"  {part}" for part in text.split("; "))]
        elif len(text) > _LONG:
            long.append(f"{said}: {text}")
        else:
            short.append(f"{said} {text}".replace(" ", _TIED))
    more = [f"and {len(short) - _SHOWN} more"] if len(short) > _SHOWN else []
    lines = textwrap.wrap(", ".join([*short[:_SHOWN], *more]), _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [*long, *(line.replace(_TIED, " ") for line in lines)]


def _is_bound(name: str, facts: Facts) -> bool:
    return any(name.endswith(end) and name.removesuffix(end) in facts for end in _BOUNDS)


def _said(name: str, value: Fact) -> str:
    if isinstance(value, str):
        return _TIME.sub(r"\1 \2", value)
    return amount(value, "budget_left" if name.endswith("_share") else name)
