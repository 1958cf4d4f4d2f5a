"""What replayed code emitted: on its way from a spool of its own into the lake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from deadreckon.cli.output import say

if TYPE_CHECKING:
    from deadreckon.core.settings import Settings


def store(settings: Settings, spool: Path, environment: str) -> bool:
    """Bring the new runs into the lake; False where there is none."""
    from deadreckon.core.lake import Lake
    from deadreckon.ingest.engine import Ingester

    if not spool.exists():
        return False
    for path in spool.rglob("*.jsonl"):
        _settle(path, environment)
    with Ingester(Lake.open(settings.lake), settings, warn=lambda text: say(f"warning: {text}")) as ingester:
        ingester.run([str(spool)], lambda: False)
    return True


def _settle(path: Path, environment: str) -> None:
    """Put all events into the replay's environment: code may bind another, and would be counted as what it is not."""
    with path.open("rb") as lines:
        found = list(lines)
    settled = [_in(line, environment) for line in found]
    if settled != found:
        path.write_bytes(b"".join(settled))


def _in(line: bytes, environment: str) -> bytes:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:  # cut off where the process was killed; ingest says so
        return line
    if event.get("environment") == environment:
        return line
    return orjson.dumps({**event, "environment": environment}, option=orjson.OPT_APPEND_NEWLINE)
