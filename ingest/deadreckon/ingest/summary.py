"""What an ingest run did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Summary:
    """Figures of a run; they grow while it goes on.

    Each line read gave events (committed, or dropped as duplicates), was quarantined, or is blank. A damaged input is
    one more in the quarantine, though no line.
    """

    read_lines: int = 0
    committed: int = 0
    duplicates: int = 0
    quarantined: int = 0
    blank: int = 0
    untimed: int = 0
    """Events committed without a time of their own: theirs is that of ingest."""
    misdated: int = 0
    """Events committed whose time is before 2000, or more than a day after ingest."""
    bytes: int = 0
    seconds: float = 0.0
    sources: int = 0
    commits: int = 0
    conflicts: int = 0

    def add(self, counts: Mapping[str, int], *, size: int) -> None:
        """Count one committed batch."""
        self.read_lines += counts["lines"]
        self.committed += counts["committed"]
        self.duplicates += counts["duplicates"]
        self.quarantined += counts["quarantined"]
        self.blank += counts["blank"]
        self.untimed += counts["untimed"]
        self.misdated += counts["misdated"]
        self.bytes += size
        self.commits += 1

    def as_dict(self) -> dict[str, Any]:
        """The figures, with bytes per second."""
        return {
            "read_lines": self.read_lines,
            "committed": self.committed,
            "duplicates": self.duplicates,
            "quarantined": self.quarantined,
            "blank": self.blank,
            "untimed": self.untimed,
            "misdated": self.misdated,
            "sources": self.sources,
            "commits": self.commits,
            "conflicts": self.conflicts,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "bytes_per_second": round(self.bytes / self.seconds) if self.seconds else 0,
        }
