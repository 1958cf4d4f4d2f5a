"""Which recorded call is the one that is made now, where that is not plain from its arguments."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from deadreckon.emit._encode import json_text
from deadreckon.replay.recording import Call, as_json


def matching(calls: Sequence[Call], text: str, fields: Mapping[str, Any], function: Callable[..., Any]) -> Call | None:
    """The first of `calls` that may have had the arguments in `text`, where none has them as they are.

    Those of which only the hash is known come first, then those that differ only in stating a default of `function`.
    `fields` are what the span of the call states: another model gives another answer.
    """
    asked: dict[str, Any] = orjson.loads(text)
    hashed = hashlib.sha256(text.encode()).hexdigest()
    same_model = [c for c in calls if not other_models(c, fields)]
    known = [c for c in same_model if c.arguments is not None]
    by_hash = (c for c in same_model if c.arguments is None and c.input.hash == hashed)
    alike = (c for c in known if _same_but_defaults(c.arguments or {}, asked, function))
    return next(by_hash, None) or next(alike, None)


def other_models(call: Call, fields: Mapping[str, Any]) -> list[str]:
    """The recorded model and version, where the call that is made now states others."""
    keys = [k for k in ("model", "model_version") if fields.get(k) is not None and k in call.measures]
    return [str(call.measures[k]) for k in keys if str(call.measures[k]) != str(fields[k])]


def _same_but_defaults(then: Mapping[str, Any], now: Mapping[str, Any], function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    defaults = {p.name: json_text(p.default) for p in parameters if p.default is not p.empty}
    sides = [
        {k: v for k, v in side.items() if k not in defaults or json_text(v) != defaults[k]} for side in (then, now)
    ]
    return as_json(sides[0]) == as_json(sides[1])
