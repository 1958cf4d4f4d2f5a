"""The same events as other loggers write them: the web application's and the gateway's."""

from __future__ import annotations

from typing import Any

import orjson

Fields = dict[str, Any]


def web(fields: Fields) -> bytes:
    """A line of python-json-logger: `asctime` without an offset, `levelname`, `message`; keys of the team's own.

    A logger's record has a `name` already, so the team calls the kind of feedback `reaction`; an alias maps it.
    """
    stamp = fields["ts"].replace("T", " ").replace(".", ",")[:-4]
    line: Fields = {"asctime": stamp, "levelname": fields["level"].upper(), "message": fields["event"]}
    for key, value in fields.items():
        if key == "name":
            line["reaction"] = value
        elif key not in ("ts", "event_id", "level", "event", "host", "pid"):
            line[key] = value
    return orjson.dumps(line) + b"\n"


def opened(ts: str, session_id: str, user_id: str, channel: str) -> bytes:
    """The web application's line for a chat that was opened."""
    fields = {"ts": ts, "level": "info", "event": "chat opened", "service": "tern-web", "environment": "prod"}
    return web(fields | {"session_id": session_id, "user_id": user_id, "channel": channel})


def gateway(at: int, root: Fields) -> bytes:
    """A line of pino: numeric level, epoch milliseconds, camel-case keys that aliases map."""
    code = {"ok": 200, "cancelled": 499}.get(root["status"], 502)
    line = {
        "level": 30 if code == 200 else 40 if code == 499 else 50,
        "time": at // 1000,
        "pid": 31,
        "hostname": "gw-1",
        "service": "tern-gateway",
        "environment": "prod",
        "reqId": root["request_id"],
        "sessionId": root["session_id"],
        "method": "POST",
        "url": "/v1/answers",
        "statusCode": code,
        "responseTime": round(root["duration_ms"]),
        "msg": "request completed" if code != 502 else "request failed",
    }
    return orjson.dumps(line) + b"\n"


def native(fields: Fields) -> bytes:
    """A line as emit writes it."""
    return orjson.dumps(fields) + b"\n"
