"""Make the sample logs again, or as many events of the same story as a benchmark needs.

python sample_logs/generate.py                                     the committed story, into this folder
python sample_logs/generate.py --check                             whether the committed files are what it makes
python sample_logs/generate.py --events 1000000 --out big.jsonl    the same story at another size, in one file
"""

from __future__ import annotations

import argparse
import gzip
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "core"))  # a checkout needs no installation; orjson is all it imports


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns its exit code."""
    from deadreckon.story import SEED, tell, write_scaled_file

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, metavar="N", help="N events of the story in one file, without damage")
    parser.add_argument("--out", type=Path, metavar="PATH", help="the file for --events, else the folder (this one)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"another seed, another story of its kind ({SEED})")
    parser.add_argument("--check", action="store_true", help="compare with the files that are there; write nothing")
    options = parser.parse_args(arguments)
    began = time.perf_counter()
    if options.events is not None:
        if options.out is None or options.events < 1:
            parser.error("--events needs --out FILE and a number above 0")
        size = write_scaled_file(options.out, options.events, seed=options.seed)
        took = time.perf_counter() - began
        rate = options.events / took
        sys.stderr.write(f"{options.events:,} events, {size / 1e6:,.1f} MB in {took:.1f} s ({rate:,.0f} events/s)\n")
        return 0
    folder = options.out or HERE
    tale = tell(options.seed)
    if options.check:
        different = [name for name, content in tale.files.items() if not same(folder / name, content)]
        sys.stderr.writelines(f"differs: {name}\n" for name in different)
        return 1 if different else 0
    tale.write(folder)
    size = sum(len(content) for content in tale.files.values())
    sys.stderr.write(f"{len(tale.files)} files, {size / 1e6:.1f} MB in {folder}\n")
    return 0


def same(path: Path, content: bytes) -> bool:
    """Whether a file holds this content; what gzip packed is compared unpacked, as zlib's versions pack differently."""
    if not path.exists():
        return False
    there = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(there) == gzip.decompress(content)
    return there == content


if __name__ == "__main__":
    sys.exit(main())
