"""What a peer says: a method's value, and from where on it calls it drift."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """One method's answer; `threshold` is the peer's default, None where it has none that stands by itself."""

    method: str
    value: float
    threshold: float | None = None

    @property
    def drifted(self) -> bool | None:
        """Whether the peer calls it drift by its default."""
        return None if self.threshold is None else self.value >= self.threshold
