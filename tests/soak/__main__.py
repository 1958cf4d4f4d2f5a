"""`make soak`: 500 kills in rounds of 50, each on a lake of its own; 1 when a round loses or doubles anything."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.faults import chaos


def main() -> int:
    """Run the rounds and say what was seen."""
    kills = int(os.environ.get("SOAK_KILLS", "500"))
    seed = int(os.environ.get("SOAK_SEED", "1"))
    done = events = duplicates = quarantined = 0
    while done < kills:
        with tempfile.TemporaryDirectory(prefix="deadreckon-soak-") as folder:
            found = chaos.run(Path(folder), kills=min(50, kills - done), seed=seed)
            try:
                chaos.check(found)
            except AssertionError as error:
                print(f"seed {seed}: {error}")
                return 1
        done += found.kills
        events += len(found.arrived)
        duplicates += found.duplicates
        quarantined += sum(found.quarantined.values())
        print(
            f"{done} kills: {events:,} events, 0 lost, 0 doubled, {duplicates} duplicates dropped, "
            f"{quarantined} quarantined",
            flush=True,
        )
        seed += 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
