"""What a drift rule says of a stream: its alert's value, why there is none, and the facts that it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from deadreckon.monitor.remember import Remembered
from deadreckon.monitor.windows import Fact, Facts

if TYPE_CHECKING:
    from deadreckon.drift.watch import Verdict, Watch
    from deadreckon.drift.watch.moved import Moved

NEARLY: Final = 0.99
"""What an alert's value is above while an alarm stands, and never else."""
FACTS: Final = (
    *("moved", "counted", "reference", "current", "windows", "n_reference", "match", "mode"),
    *("e", "evidence", "enough", "explain"),
    *("ks", "wasserstein", "hellinger", "tails", "total_variation", "l_infinity", "new_values"),
)
"""What its alerts tell beside their value."""


def said(watch: Watch, verdict: Verdict, memory: str) -> Remembered:
    """What the monitor is told of a verdict; `memory`: the stream's state after it."""
    silent_s = verdict.window_end - verdict.seen
    # Nothing was learned of it in this window: it stands as it did, unless that has become long ago.
    held = verdict.seen > 0 and silent_s < watch.cadence.silent * watch.cadence.seconds
    reached = verdict.evidence / verdict.threshold
    # An alarm that is not over stands, though its evidence was spent on it.
    value = max(reached, 1.0) if verdict.alarmed else min(reached, NEARLY)
    return Remembered(
        orjson.loads(verdict.labels),
        value if held else None,
        verdict.n,
        f"learning: {verdict.reason}" if verdict.state == "learning" else "",
        memory,
        _facts(watch, verdict),
    )


def _facts(watch: Watch, verdict: Verdict) -> Facts:
    from deadreckon.drift.watch.selected import command, sides

    if not verdict.measures:
        return {"reference": verdict.reference, "windows": verdict.windows}
    _, reference, current = sides(watch, verdict)
    # What people need most comes first: of many facts they read the first ones.
    found: dict[str, Fact] = {
        "moved": "; ".join(_moved(part) for part in verdict.moved),
        "counted": ", ".join(m.name for m in verdict.measures if m.counted),
        "explain": command(watch, verdict) if verdict.alarmed else "",
        "reference": reference,
        "current": current,
        "windows": verdict.windows,
        "n_reference": verdict.n_reference,
        "match": verdict.match,
        "mode": verdict.mode,
        "e": verdict.e,
        "evidence": verdict.evidence,
        "enough": verdict.threshold,
    }
    for m in verdict.measures:
        found |= {m.name: m.value, f"{m.name}_low": m.low, f"{m.name}_high": m.high, f"{m.name}_floor": m.floor}
    return found


def _moved(part: Moved) -> str:
    low, high = (None if edge is None else f"{edge:.4g}" for edge in (part.low, part.high))
    within = f"{low} to {high}" if low and high else f"over {low}" if low else f"up to {high}"
    return f"{part.value or within}: {part.reference:.1%} before, {part.current:.1%} now"
