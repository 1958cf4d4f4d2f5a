"""All distances of 50 numeric and 10 categorical columns, 500,000 reference rows against 100,000, beside the peers.

`BENCH_PEERS` names a Python with evidently 0.7 and nannyml 0.13 (see tests/fixtures/peers/README.md): each then does,
on the same columns, what its documentation does first; without it only ours are timed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

NUMERIC, CATEGORICAL = 50, 10
REFERENCE, CURRENT = 500_000, 100_000
MUST_TAKE_S = 3.0

DATA = """
import numpy as np, pyarrow as pa, pyarrow.parquet as pq, sys
rng = np.random.default_rng(1)
for name, rows, shift in (("reference", {reference}, 0.0), ("current", {current}, 0.1)):
    columns = {{f"n{{i}}": rng.normal(shift, 1 + i / 50, rows) for i in range({numeric})}}
    names = np.array([f"value {{k}}" for k in range(30)])
    columns |= {{f"c{{i}}": names[np.minimum(rng.geometric(0.15, rows) - 1, 29)] for i in range({categorical})}}
    pq.write_table(pa.table(columns), f"{{sys.argv[1]}}/{{name}}.parquet")
"""
MEASURED = """
import json, resource, sys, time
{setup}
started = time.perf_counter()
{work}
wall = time.perf_counter() - started
mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({{"wall": wall, "mib": mib}}))
"""
OURS = (
    """
import pyarrow.compute as pc, pyarrow.parquet as pq
from deadreckon.drift import Categories, Numbers, compare
tables = [pq.read_table(f"{sys.argv[1]}/{name}.parquet") for name in ("reference", "current")]
""",
    """
for name in tables[0].column_names:
    if name.startswith("n"):
        sides = [Numbers.of(table[name].to_numpy()) for table in tables]
    else:
        counts = [pc.value_counts(table[name].combine_chunks()) for table in tables]
        sides = [Categories(dict(zip(*(c.field(i).to_pylist() for i in (0, 1))))) for c in counts]
    assert len(compare(*sides).distances) >= 9
""",
)
PEERS = {
    "Evidently": (
        """
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
frames = [pd.read_parquet(f"{sys.argv[1]}/{name}.parquet") for name in ("reference", "current")]
""",
        "Report([DataDriftPreset()]).run(reference_data=frames[0], current_data=frames[1]).dict()",
    ),
    "NannyML": (
        """
import pandas as pd, nannyml
frames = [pd.read_parquet(f"{sys.argv[1]}/{name}.parquet") for name in ("reference", "current")]
""",
        """
found = nannyml.UnivariateDriftCalculator(
    column_names=list(frames[0].columns), chunk_size=len(frames[1]),
    continuous_methods=["kolmogorov_smirnov", "jensen_shannon", "wasserstein", "hellinger"],
    categorical_methods=["chi2", "jensen_shannon", "l_infinity", "hellinger"],
).fit(frames[0])
found.calculate(frames[1]).to_df()
""",
    ),
}


def main() -> int:
    """Print the times and ratios; 1 when ours takes longer than it may."""
    with tempfile.TemporaryDirectory(prefix="deadreckon-bench-") as folder:
        sizes = {"reference": REFERENCE, "current": CURRENT, "numeric": NUMERIC, "categorical": CATEGORICAL}
        subprocess.run([sys.executable, "-c", DATA.format(**sizes), folder], check=True)
        ours = _measure(sys.executable, *OURS, folder)
        print(f"deadreckon {ours['wall']:7.2f} s, {ours['mib']:6.0f} MiB: 11 or 12 distances of {NUMERIC} numeric and "
              f"9 of {CATEGORICAL} categorical columns")  # fmt: skip
        peers = os.environ.get("BENCH_PEERS")
        for name, (setup, work) in PEERS.items() if peers else ():
            theirs = _measure(str(peers), setup, work, folder)
            ratio = theirs["wall"] / ours["wall"]
            print(f"{name:10} {theirs['wall']:7.2f} s, {theirs['mib']:6.0f} MiB: takes {ratio:.1f} times as long")
        print(f"(at most {MUST_TAKE_S:.0f} s)")
        return int(ours["wall"] > MUST_TAKE_S)


def _measure(python: str, setup: str, work: str, folder: str) -> dict[str, float]:
    script = Path(folder) / "script.py"
    script.write_text(MEASURED.format(setup=setup, work=work))
    done = subprocess.run([python, str(script), folder], check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    sys.exit(main())
