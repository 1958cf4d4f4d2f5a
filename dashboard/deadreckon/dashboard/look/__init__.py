"""How things look: colours, figures for people, text that is nothing but text, charts, and the frame of every page."""

from __future__ import annotations

__all__: list[str] = []
