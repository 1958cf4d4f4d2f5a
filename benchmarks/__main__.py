"""`make bench`: every benchmark, one after the other; 1 when one misses what it must reach."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def main() -> int:
    """Run all modules named bench_*, or those named on the command line."""
    wanted = sys.argv[1:]
    found = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name.startswith("bench_"))
    code = 0
    for name in found:
        if wanted and name.removeprefix("bench_") not in wanted:
            continue
        print(f"\n== {name.removeprefix('bench_')}", flush=True)
        code = max(code, importlib.import_module(f"benchmarks.{name}").main())
    return code


if __name__ == "__main__":
    sys.exit(main())
