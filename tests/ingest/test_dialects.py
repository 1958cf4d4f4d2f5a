"""Lines of other loggers become the events that their authors meant."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.ingest.reading import read

LOGGERS = Path(__file__).parents[1] / "fixtures" / "loggers"
FOLDERS = sorted(folder.name for folder in LOGGERS.iterdir() if folder.is_dir())
ASIDE = ("attributes_contains", "any_of", "values_survive", "null")


def contains(whole: Any, part: Any) -> bool:
    """Whether `part` is a recursive subset of `whole`."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(k in whole and contains(whole[k], v) for k, v in part.items())
    return bool(whole == part) and isinstance(whole, bool) == isinstance(part, bool)


def plain(value: Any) -> Any:
    """A cell as the oracle writes it."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value


def faults(row: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Where a row is not what the oracle asks for."""
    found = [
        f"{key}: {plain(row.get(key))!r}, not {value!r}"
        for key, value in expected.items()
        if key not in ASIDE and not contains(plain(row.get(key)), value)
    ]
    attributes = row.get("attributes", {})
    if not contains(attributes, expected.get("attributes_contains", {})):
        found.append(f"attributes {attributes} lack some of {expected['attributes_contains']}")
    for key, values in expected.get("any_of", {}).items():
        if plain(row.get(key)) not in values:
            found.append(f"{key}: {plain(row.get(key))!r}, none of {values}")
    text = json.dumps({k: plain(v) for k, v in row.items()}, ensure_ascii=False)
    found += [
        f"{v!r} is lost"
        for v in expected.get("values_survive", [])
        if json.dumps(v, ensure_ascii=False)[1:-1] not in text
    ]
    found += [f"{key}: {row[key]!r}, not empty" for key in expected.get("null", []) if key in row]
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_lines_of_a_real_logger_become_what_they_mean(folder: str) -> None:
    """Every line that a real library wrote gives the hand-written row, and none is refused."""
    expected = [json.loads(line) for line in (LOGGERS / folder / "expected.jsonl").read_text("utf-8").splitlines()]
    outcome = read((LOGGERS / folder / "output.jsonl").read_bytes())
    assert [r.error for r in outcome.rejects] == []
    assert len(outcome.rows) == len(expected)
    wrong = {i: faults(row, want) for i, (row, want) in enumerate(zip(outcome.rows, expected, strict=True))}
    assert {i: found for i, found in wrong.items() if found} == {}
