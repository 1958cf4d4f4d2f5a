"""Make the sample logs again, or as many events of the same story as a benchmark needs.

    python sample_logs/generate.py                                     the committed story, into this folder
    python sample_logs/generate.py --events 1000000 --out big.jsonl    the same story at another size, one file
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "core"))  # a checkout works without installing it


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns its exit code."""
    from deadreckon.story import write_scaled_file

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, metavar="N", help="write N events of the story to one file")
    parser.add_argument("--out", type=Path, metavar="PATH", help="the file for --events")
    parser.add_argument("--seed", type=int, help="another seed, another story of the same shape")
    options = parser.parse_args(arguments)
    seed = {} if options.seed is None else {"seed": options.seed}
    began = time.perf_counter()
    size = write_scaled_file(options.out, options.events, **seed)
    took = time.perf_counter() - began
    sys.stderr.write(f"{options.events:,} events, {size / 1e6:,.1f} MB in {took:.1f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
