"""Lakes in which something changed, sinks, and a clock of the tests' own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from tests.monitor.lakes import NOON, calls, make, monitor, rule

from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.delivery import Clock, Post
from deadreckon.delivery.message import Message, message_of
from deadreckon.monitor.alert import Alert
from deadreckon.monitor.stream import Stream

SLOW = rule(
    name="slow answers",
    metric="latency_p95_ms",
    above=1000,
    group_by=["model_version"],
    labels={"team": "agents"},
    severity="critical",
    runbook="https://example.org/slow",
)


def lake_of(folder: Path) -> Lake:
    """A lake in which v1 and v2 are slow before noon, v1 is well five minutes later, and v2 is silent."""
    return make(
        folder,
        [
            *calls(-200, 5, model_version="v1", duration_ms=5000.0),
            *calls(-200, 5, model_version="v2", duration_ms=5000.0),
            *calls(100, 5, model_version="v1"),
        ],
    )


class Time:
    """A clock that moves when it is slept on."""

    def __init__(self, now: float = NOON) -> None:
        self.at = now
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    def clock(self, chance: float = 1.0) -> Clock:
        return Clock(lambda: self.at, lambda: self.at, self.sleep, lambda: chance)


def post(*sinks: Mapping[str, Any], environ: Mapping[str, str] | None = None, time: Time | None = None) -> Post:
    """The post of these sinks, on a clock of its own."""
    settings = Settings.model_validate({"sinks": [{"name": "s", **sink} for sink in sinks]})
    return Post(settings.sinks, environ or {}, (time or Time()).clock())


def evaluate(lake: Lake, way: Post, at: float = 0) -> None:
    """What a run of the monitor does before it delivers."""
    way.begin(lake)
    monitor(lake, SLOW, at=at)


def alert(state: Any = "firing", **changes: Any) -> Alert:
    """One transition."""
    given = {"value": 2500.0, "n": 33, "threshold": 2000.0, "active_since": NOON, "reason": "", **changes}
    labels = given.pop("labels", {"model_version": "v2", "team": "agents"})
    previous = given.pop("previous", "ok")
    stream = Stream("slow answers", '{"model_version":"v2"}', state, NOON, NOON, **given)
    return Alert(
        stream, previous, "critical", labels, "p95 of v2 is 2500 ms", "https://example.org/r", NOON - 900, "m", 1, NOON
    )


def message(**changes: Any) -> Message:
    """One message."""
    return message_of(alert(**changes))


def lines(file: Path) -> list[dict[str, Any]]:
    """The JSON lines of a file; none where there is no file."""
    return [orjson.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []


def dead(lake: Lake) -> list[dict[str, Any]]:
    """The dead letters of a lake."""
    return lines(lake.root / "_delivery" / "dead_letters.jsonl")
