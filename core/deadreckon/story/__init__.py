"""The sample story: three weeks of an invented support agent, made from a seed, with known answers."""

from __future__ import annotations

from deadreckon.story.plot import SEED
from deadreckon.story.scale import write_scaled, write_scaled_file
from deadreckon.story.tale import Tale, tell

__all__ = ["SEED", "Tale", "tell", "write_scaled", "write_scaled_file"]
