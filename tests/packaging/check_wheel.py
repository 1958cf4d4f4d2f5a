"""Build the wheel and the sdist, and hold what they contain against what is tracked: `make wheel-check`.

Then install the wheel alone into a fresh environment: the base install must emit, and `reckon` must say what it needs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("core", "ingest", "queries", "monitor", "dashboard")


def main() -> int:
    """0 when all is right; otherwise what is wrong, line by line, and 1."""
    with tempfile.TemporaryDirectory(prefix="deadreckon-wheel-") as folder:
        place = Path(folder)
        subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, str(ROOT)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        wheel, sdist = next(place.glob("*.whl")), next(place.glob("*.tar.gz"))
        faults = [*contents(wheel), *source(sdist), *base_install(wheel, place / "env")]
    for fault in faults:
        print(fault)
    print("wheel, sdist and base install are right" if not faults else f"{len(faults)} faults")
    return int(bool(faults))


def tracked() -> set[str]:
    """Every tracked file of the rooms, by its name in the wheel."""
    listed = subprocess.run(["git", "ls-files", *ROOMS], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {line.partition("/")[2] for line in listed.splitlines()}


def contents(wheel: Path) -> list[str]:
    """What the wheel lacks or has too much."""
    names = set(zipfile.ZipFile(wheel).namelist())
    files = {name for name in names if ".dist-info/" not in name}
    faults = [f"wheel lacks {name}" for name in sorted(tracked() - files)]
    faults += [f"wheel has {name}, which is not tracked" for name in sorted(files - tracked())]
    if "deadreckon/__init__.py" in names:
        faults.append("wheel has deadreckon/__init__.py: the namespace must stay open")
    if not any(name.endswith("licenses/LICENSE") for name in names):
        faults.append("wheel lacks the licence")
    return faults


def source(sdist: Path) -> list[str]:
    """What the sdist lacks."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = ("pyproject.toml", "README.md", "LICENSE", "core/deadreckon/core/schema.py")
    return [f"sdist lacks {name}" for name in wanted if name not in names]


def base_install(wheel: Path, env: Path) -> list[str]:
    """Whether the base install, which goes into production images, emits and says what else it would need."""
    venv.create(env, with_pip=True)
    python = env / "bin/python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    faults = []
    emitted = subprocess.run(
        [python, "-c", "from deadreckon import emit; emit.metric('loss', 0.5, step=1); emit.close()"],
        capture_output=True,
        text=True,
        cwd=env,
        check=False,
    )
    if emitted.returncode or not list((env / "spool").glob("*.jsonl")):
        faults.append(f"the base install does not emit: {emitted.stderr}")
    asked = subprocess.run(
        [env / "bin/reckon", "status"], capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"}
    )
    if asked.returncode != 2 or "pip install 'deadreckon[lake]'" not in asked.stderr:
        faults.append(f"reckon without the lake extra says: {asked.stderr!r} and returns {asked.returncode}")
    return faults


if __name__ == "__main__":
    sys.exit(main())
