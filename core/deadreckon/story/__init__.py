"""The sample story: three weeks of an invented support agent, made from a seed, with known answers."""

from __future__ import annotations

from deadreckon.story.scale import write_scaled, write_scaled_file

__all__ = ["write_scaled", "write_scaled_file"]
