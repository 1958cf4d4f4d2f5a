"""What was found out once and stays true: kept in the user's folder of caches, and found out again where it is lost."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from deadreckon.core import schema
from deadreckon.core.durable import write_atomically
from deadreckon.core.lake import Snapshot
from deadreckon.queries.binding import Part, part_query

Name = tuple[str, str, str]
"""Provider, model and model version of a call, each empty where the event states none."""


def read_cache(name: str) -> dict[str, Any]:
    """What is kept under this name; empty where nothing is, or nothing that can be read."""
    try:
        found = json.loads((_folder() / name).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_cache(name: str, content: Mapping[str, Any]) -> None:
    """Keep it for later; where that cannot be done, later finds out again."""
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        write_atomically(_folder() / name, json.dumps(content).encode())
    except OSError:
        pass


def _folder() -> Path:
    # expanduser leaves the path as it is where nobody has a home, and so nothing is kept
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "deadreckon")  # noqa: PTH111


def names_in(snapshot: Snapshot) -> list[Name]:
    """Every provider, model and version that the events of a snapshot name together, in order.

    Files never change, so each is read once; what was named by files that are gone may still be here. Files that cannot
    be read name nothing: whoever asks for what is in them is told.
    """
    files = sorted(str(f.path) for f in snapshot.part(schema.PART_EVENTS))
    if not files:
        return []
    home = files[0].partition("/part=")[0]
    cache = f"names-{hashlib.sha256(home.encode()).hexdigest()[:16]}.json"
    kept = read_cache(cache)
    seen = set(kept.get("files", []))
    if seen.isdisjoint(file.removeprefix(home) for file in files):  # another lake, in the place of one that is gone
        kept = {}
    names: set[Name] = {(p, m, v) for p, m, v in kept.get("names", [])}
    new = [file for file in files if file.removeprefix(home) not in seen]
    if new:
        try:
            names |= _read(new)
        except duckdb.Error:
            return sorted(names)
        write_cache(cache, {"files": [file.removeprefix(home) for file in files], "names": sorted(names)})
    return sorted(names)


def _read(files: list[str]) -> set[Name]:
    part = Part(tuple(files), dict.fromkeys(("provider", "model", "model_version"), "VARCHAR"))
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        rows = con.execute(
            "SELECT DISTINCT coalesce(provider, ''), coalesce(model, ''), coalesce(model_version, '') "  # noqa: S608
            f"FROM ({part_query(con, part)}) WHERE model IS NOT NULL OR model_version IS NOT NULL"
        ).fetchall()
    return {(p, m, v) for p, m, v in rows}
