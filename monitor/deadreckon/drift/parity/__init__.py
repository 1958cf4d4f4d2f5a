"""What other tools would say of the same values, by their own definitions: for comparing with them and moving over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from deadreckon.drift.compare import Sample
from deadreckon.drift.parity import evidently, nannyml
from deadreckon.drift.parity.verdict import Verdict

PEERS: Final[dict[str, Callable[[Sample, Sample], list[Verdict]]]] = {
    "evidently": evidently.verdicts,
    "nannyml": nannyml.verdicts,
}
"""Name -> all its distances of a current sample from a reference."""

__all__ = ["PEERS", "Verdict"]
