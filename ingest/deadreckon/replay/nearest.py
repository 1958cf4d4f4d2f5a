"""Why a call is not answered: what was recorded of the tool, and which recorded call comes nearest."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import orjson

from deadreckon.replay.content import short
from deadreckon.replay.matching import other_models
from deadreckon.replay.recording import Call, as_json

_AROUND: Final = 30
"""Characters before and after the first that differs."""


def explain(
    name: str,
    text: str,
    calls: Sequence[Call],
    used: Collection[str],
    names: Sequence[str],
    fields: Mapping[str, Any],
) -> str:
    """A sentence about a call of `name` with the arguments in `text`, for which no recorded one of `calls` is left.

    `used`: span ids of those that have answered a call already. `names`: what else was recorded.
    """
    if not calls:
        near = difflib.get_close_matches(name, names, n=1)
        if not names:
            return f"{name} is called, and the trace recorded no call of a tool or model"
        there = f"nearest is {near[0]}" if near else f"the trace calls {', '.join(names)}"
        return f"{name} is called, which was never recorded: {there}"
    known = [call for call in calls if call.arguments is not None]
    if not known:
        return f"{name} is called, and {_unknown(calls)}"
    asked = orjson.loads(text)
    same = [call for call in known if call.plain == as_json(asked)]
    models = sorted({model for call in same for model in other_models(call, fields)})
    if models:
        return f"{name} asks another model than was recorded: {', '.join(models)}"
    if same:
        times = "once" if len(same) == 1 else f"{len(same)} times"
        return f"{name} is called with {short(text)} once more than was recorded: {times}"
    nearest = max(known, key=lambda call: (_alike(call.arguments or {}, asked), call.span_id not in used))
    now, then = _apart(text, nearest.input.text or "")
    return f"{name} is called with {now}, which was never recorded; nearest is {then}"


def _unknown(calls: Sequence[Call]) -> str:
    trouble = calls[0].input.trouble("its recorded input") or "its recorded input is no arguments by name"
    times = "call was" if len(calls) == 1 else "calls were"
    return f"the {len(calls)} {times} recorded without arguments to know them by: {trouble}"


def _alike(then: Mapping[str, Any], now: Mapping[str, Any]) -> float:
    keys = then.keys() | now.keys()
    same = sum(key in then and key in now and then[key] == now[key] for key in keys)
    a, b = (as_json(side).decode()[:1000] for side in (then, now))
    return float(same / (len(keys) or 1) + difflib.SequenceMatcher(None, a, b).ratio())


def _apart(a: str, b: str) -> tuple[str, str]:
    """Both texts, cut to where they begin to differ when they are long."""
    if max(len(a), len(b)) <= 2 * _AROUND:
        return a, b
    alike = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    begin = max(alike - _AROUND, 0)
    end = begin + 3 * _AROUND
    return tuple(  # type: ignore[return-value]  # two in, two out
        ("..." if begin else "") + side[begin:end] + ("..." if end < len(side) else "") for side in (a, b)
    )
