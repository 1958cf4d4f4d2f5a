"""A request's body in JSON."""

from __future__ import annotations

import json
from typing import Any

import orjson

from deadreckon.serve.shape import MalformedError
from deadreckon.serve.signals import SIGNALS, Signal


def of_json(signal: Signal, body: bytes) -> Any:
    """What stands under the signal's key.

    Raises:
        MalformedError: it is not JSON, or no request of this signal.
    """
    value = _loaded(body)
    if type(value) is not dict:
        raise MalformedError("the body is no JSON object")
    for other in SIGNALS:
        # With its own key an empty list of another signal's is nothing to lose.
        if (
            other is not signal
            and other.resources in value
            and (value[other.resources] or signal.resources not in value)
        ):
            raise MalformedError(f"the body has {other.resources}, which go to /v1/{other.name}")
    if value and signal.resources not in value:
        raise MalformedError(f"the body has no {signal.resources}")
    return value.get(signal.resources)


def _loaded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        reason = str(error)
    # JavaScript writes half of a character where it cuts a text, Python bare NaN: no reason to lose the batch.
    try:
        value = {"": json.loads(body.decode(), parse_int=_integer)}
    except (ValueError, RecursionError):
        raise MalformedError(f"the body is not JSON: {reason}") from None
    from deadreckon.ingest.dialects.strange import cleaned

    return cleaned(value)[""]


def _integer(digits: str) -> int | str:
    number = int(digits)
    return number if -(2**63) <= number < 2**64 else digits
