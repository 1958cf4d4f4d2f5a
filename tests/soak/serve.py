"""`make soak-serve`: a minute at the machine's limit, the receiver killed twice; 1 when a span is lost or doubled."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.serve import load


def main() -> int:
    """Run it and say what was seen."""
    seconds = float(os.environ.get("SOAK_SECONDS", "60"))
    with tempfile.TemporaryDirectory(prefix="deadreckon-soak-") as folder:
        found = load.run(Path(folder), senders=["raw", "raw", "http", "grpc"], kills=2, seconds=seconds / 3, batch=200)
    print(
        f"{found.spans:,} spans acknowledged in {found.seconds:.0f} s ({found.spans / found.seconds:,.0f} per second), "
        f"{found.kills} kills, {found.duplicates:,} spans sent twice and dropped"
    )
    try:
        load.check(found)
    except AssertionError as error:
        print(error)
        return 1
    print("every acknowledged span is in the lake once")
    return 0


if __name__ == "__main__":
    sys.exit(main())
