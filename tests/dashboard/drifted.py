"""A lake whose features moved, with what the monitor said of it and what people did about that."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from tests.monitor.commands import configure, reckon
from tests.queries.lakes import make_lake

START = 2950 * 7 * 86_400
"""A Thursday in July 2026 (epoch seconds), when weeks of the reference begin."""
HOURS = 14 * 24
"""Of the reference."""
AFTER = 10
"""Hours since then."""
RULES = """
[[rules]]
name = "inputs"
kind = "drift"
subjects = ["feature:*"]
group_by = ["model_version"]
reference = "14d"

[[rules]]
name = "spend"
kind = "budget"
limit = 5.0
period = "day"
warn_at = 1.0
severity = "critical"

[[rules]]
name = "spend of the day"
metric = "cost_usd"
window = "1d"
every = "1h"
above = 5

[[inhibit]]
source = { rule = "spend" }
target = { rule = "spend of the day" }
"""


def at(hour: float) -> datetime:
    """So many hours after START."""
    return datetime.fromtimestamp(START + hour * 3_600, UTC)


def drifted(folder: Path) -> Path:
    """Make the lake in this folder, with settings beside it: ages and countries moved in variant b alone."""
    rng = np.random.default_rng(21)
    events: list[dict[str, Any]] = []
    for hour in range(HOURS + AFTER):
        for n in range(40):
            variant = "ab"[n % 2]
            moved = hour >= HOURS and variant == "b"
            country = str(
                rng.choice(["de", "fr", "it", "es"], p=[0.1, 0.1, 0.2, 0.6] if moved else [0.5, 0.3, 0.1, 0.1])
            )
            features = {"age": float(rng.normal(44.0 if moved else 40.0, 2)), "country": country}
            event = {"ts": at(hour + n / 60), "kind": "prediction", "model_version": "7", "variant": variant}
            events.append({**event, "features": json.dumps(features), "request_id": f"req-{hour}-{n}"})
    call = {"kind": "span", "event": "span", "operation": "chat", "status": "ok", "duration_ms": 900.0, "model": "m"}
    events += [
        {**call, "ts": at(HOURS + 1 + n / 2), "cost_usd": 0.75, "trace_id": f"{n:032x}", "span_id": "a"}
        for n in range(12)
    ]
    make_lake(folder / "lake", events)
    configure(folder, RULES)
    when = at(HOURS + AFTER).isoformat()
    reckon("monitor", "--as-of", when, "--since", at(HOURS).isoformat(), folder=folder)
    by = ("--by", "ann", "--comment", "a new market")
    silence = ("alerts", "silence", "add", "--match", "subject=feature:country", "--for", "7d")
    reckon(*silence, *by, folder=folder)
    reckon("alerts", "ack", "inputs", "--label", "subject=feature:age", "--by", "bob", folder=folder)
    return folder / "lake"
