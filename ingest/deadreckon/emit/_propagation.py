"""The trace across processes: W3C `traceparent` and `tracestate` in headers, messages and environments."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from typing import Any

from deadreckon.emit._context import CURRENT, hex_id
from deadreckon.emit._encode import text_of

_HEX = "0123456789abcdef"
_MAX_STATE = 512
_MAX_MEMBERS = 32


def parse(header: Any) -> tuple[str, str, bool] | None:
    """Return trace id, span id and whether it is sampled of a `traceparent`; None for what is not one."""
    parts = header.strip().split("-") if isinstance(header, str) else []
    if len(parts) < 4 or len(parts[0]) != 2 or len(parts[3]) != 2:
        return None
    version, trace_id, span_id = parts[0].lower(), hex_id(parts[1], 32), hex_id(parts[2], 16)
    if (version == "00" and len(parts) > 4) or version == "ff" or not trace_id or not span_id:
        return None
    if (version + parts[3]).lower().strip(_HEX):
        return None
    return trace_id, span_id, bool(int(parts[3], 16) & 1)


def clean_state(header: Any) -> str:
    """Return a `tracestate` that may be sent on: at most 32 members and 512 characters, printable ASCII."""
    text = header if isinstance(header, str) else ""
    if not text.isascii() or not text.isprintable():  # it goes into headers of others
        return ""
    members = [member for part in text.split(",") if (member := part.strip()) and "=" in member][:_MAX_MEMBERS]
    while members and len(",".join(members)) > _MAX_STATE:
        members.pop()
    return ",".join(members)


def inject(carrier: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Put the current trace into the headers of a request, or into a message's; return them.

    Outside any span nothing is put in, and what the carrier holds stays.
    """
    carrier = {} if carrier is None else carrier
    here = CURRENT.get()
    header = here.traceparent
    if header is not None:
        carrier["traceparent"] = header
        if here.flow is not None and here.flow.tracestate:
            carrier["tracestate"] = here.flow.tracestate
    return carrier


def extract(carrier: Any) -> dict[str, str]:
    """Return `traceparent` and `tracestate` of a caller, to be given to `span`: `span("x", **extract(headers))`.

    Takes headers as mapping, as pairs, or as anything with `items()` (the standard library's servers and clients), in
    any case, as text or bytes (ASGI); WSGI's and CGI's environment; and a process's environment (`os.environ`). Empty
    when there is no valid `traceparent`; never raises.
    """
    found: dict[str, list[str]] = {"traceparent": [], "tracestate": []}
    try:
        for pair in carrier.items() if hasattr(carrier, "items") else carrier:
            if len(pair) != 2:
                continue
            name = _text(pair[0]).lower().replace("_", "-").removeprefix("http-")
            if name in found:
                found[name].append(_text(pair[1]))
    except Exception:  # noqa: BLE001  # a foreign object, which may hold no headers at all
        return {}
    # Two traceparents contradict each other; several tracestates are one in parts.
    if len(found["traceparent"]) != 1 or parse(found["traceparent"][0]) is None:
        return {}
    state = clean_state(",".join(found["tracestate"]))
    return {"traceparent": found["traceparent"][0], **({"tracestate": state} if state else {})}


def environ(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment for a subprocess that carries the current trace as TRACEPARENT and TRACESTATE.

    Args:
        base: the environment to start from; this process's.
    """
    env = dict(os.environ if base is None else base)
    headers = inject()
    for name in ("traceparent", "tracestate"):
        env.pop(name.upper(), None)  # this process's own caller
        if name in headers:
            env[name.upper()] = headers[name]
    return env


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else text_of(value)
