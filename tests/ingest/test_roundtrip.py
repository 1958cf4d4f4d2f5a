"""Any JSON object comes back from the lake as it went in, or is refused with its own line.

`DEADRECKON_EXAMPLES` gives the number of examples of each test; the few of the short form take seconds.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.ingest.lakes import Place
from tests.ingest.objects import OBJECTS as LOG_LIKE

from deadreckon.core.schema import EVENTS, alias_table

EXAMPLES = int(os.environ.get("DEADRECKON_EXAMPLES", "12"))
SHORT = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
INTERNAL = (
    *("n", "line", "j", "shape", "off", "sub", "source_id", "date", "part", "has0", "has1", "given_id", "flag"),
    "nested",
    "now",
    "given",
    "lines_0",
    *("source_offset", "ingested_at", "inferred_kind", "raw_ts", "raw_event", "record", "raw", "h", "k", "lines_in"),
    *("", " ", '"', "'", '""', "\\", "/", "~", "~0", "a.b", "$", "$.a", "*", "[0]", "{}", "%s", "?", "$1", "--", ";"),
    *(
        "N",
        "n ",
        "é",
        "É",
        "e\u0301",
        "ß",
        "SS",
        "İ",
        "i̇",
        "🦊",
        "\u2028",
        "\u0000",
        "\ufeff",
        "\t",
        "\n",
        "\x7f",
        "null",
    ),
)
KEYS = st.one_of(st.sampled_from(INTERNAL), st.text(max_size=6), st.text("ab\"'\\/~.$", max_size=4))
TEXTS = st.one_of(
    st.text(max_size=12), st.sampled_from(["", "{}", "[]", '{"a": 1}', "null", "true", "1e5", "it's", "\u0000"])
)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.integers(-(2**80), 2**80),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**30, 0.1, 1e308, 5e-324, -0.0]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
OPEN = st.dictionaries(KEYS, VALUES, min_size=1, max_size=6)
KNOWN = st.dictionaries(st.sampled_from(sorted(EVENTS.keys() - {"attributes"})), VALUES, max_size=4)
LIKELY: Mapping[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "bigint": st.one_of(NUMBERS, st.integers(0, 10**6), st.integers().map(str)),
    "double": st.one_of(NUMBERS, st.floats(allow_nan=False, allow_infinity=False).map(repr)),
    "boolean": st.booleans(),
    "timestamp": st.one_of(st.datetimes().map(lambda t: t.isoformat() + "Z"), st.integers(0, 2**31)),
    "json": VALUES,
}
RIGHT = st.fixed_dictionaries({}, optional={name: LIKELY[c.type] for name, c in EVENTS.items() if name != "attributes"})


@st.composite
def lines(draw: st.DrawFn) -> dict[str, Any]:
    """An object: open keys, and some columns with right or wrong values."""
    known = draw(st.one_of(st.just({}), KNOWN, st.lists(st.sampled_from(sorted(EVENTS)), max_size=5).flatmap(_right)))
    return draw(OPEN) | known


def _right(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({n: LIKELY[EVENTS[n].type] for n in names if n != "attributes"})


@SHORT
@example(
    objects=[{"n": None, "attempt": 7.11471389833685e16}, {"n": None, "attempt": 7.11471389833685e16, "pid": 1.5}],
    ascii_only=False,
)
@given(st.lists(lines(), min_size=1, max_size=40), st.booleans())
def test_any_object_round_trips(objects: list[dict[str, Any]], ascii_only: bool) -> None:
    """Each line is an event whose columns and attributes hold all that it said, or is in the quarantine whole."""
    texts = [json.dumps({**o, "case": n}, ensure_ascii=ascii_only) for n, o in enumerate(objects)]
    texts = [text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for text in texts]
    found, refused, _ = _through(texts)
    for n, text in enumerate(texts):
        if text in refused:
            continue
        _same(json.loads(text), found[n], text)


@SHORT
@given(st.lists(OPEN, min_size=20, max_size=60))
def test_open_objects_are_never_refused(objects: list[dict[str, Any]]) -> None:
    """A line without any key of ours is never refused, and comes back whole, however many keys a batch has."""
    foreign = alias_table().keys()
    chosen = [{k: v for k, v in o.items() if k not in foreign} | {"case": n} for n, o in enumerate(objects)]
    wide = {f"key {k}": k for k in range(70)} | {"case": len(chosen), "none": None, "deep": {"none": None}}
    texts = [json.dumps(o) for o in [*chosen, wide]]
    found, refused, _ = _through(texts)
    assert not refused
    for n, text in enumerate(texts):
        _same(json.loads(text), found[n], text)


@pytest.mark.parametrize("count", [1, 60, 61, 62, 63, 64, 65, 130])
def test_any_number_of_keys(count: int) -> None:
    """However many unknown keys a batch has, null or absent in some lines, each line keeps exactly its own."""
    keys = [f"key {n}" for n in range(count)]
    objects = [{"case": 0} | dict.fromkeys(keys, 1), {"case": 1} | dict.fromkeys(keys), {"case": 2, "none": None}]
    objects += [{"case": 3 + n, "step": None, "value": None, key: None} for n, key in enumerate(keys)]
    found, refused, _ = _through([json.dumps(o) for o in objects])
    assert not refused
    for one in objects:
        row = found[int(str(one["case"]))]
        assert row["attributes"] == {k: v for k, v in one.items() if k not in ("step", "value")}
        assert "step" not in row
        assert "value" not in row


@SHORT
@given(st.lists(LOG_LIKE, min_size=1, max_size=20))
def test_lines_like_those_of_loggers(objects: list[dict[str, Any]]) -> None:
    """Whatever a dialect makes of it, each line gives events or is in the quarantine: none is lost, none crashes."""
    texts = [json.dumps(o) for o in objects]
    _, refused, rows = _through(texts)
    offsets = {row["source_offset"] for row in rows}
    place = 0
    for text in texts:
        assert (text in refused) or (place in offsets), text
        place += len(text.encode()) + 1


@SHORT
@given(
    st.lists(
        st.one_of(lines(), LOG_LIKE).map(json.dumps) | st.sampled_from(["garbage", "", "{", "\ufeff{}"]), max_size=25
    ),
    st.lists(st.integers(0, 4000), max_size=4),
)
def test_growth_makes_no_difference(texts: list[str], cuts: list[int]) -> None:
    """A file read at once, and the same file read whenever it has grown to some byte, give the same lake."""
    data = "".join(text + "\n" for text in ["{}", *texts]).encode()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        whole, grown = Place(root, root / "whole"), Place(root, root / "grown")
        path = root / "app.log"
        for cut in sorted({min(cut, len(data)) for cut in cuts} | {len(data)}):
            # Its first line tells an input: until that is whole there is nothing to read on from.
            path.write_bytes(data[: max(cut, 3)])
            if not _open_object_at_the_end(data[: max(cut, 3)]):
                grown.ingest(path)
        whole.ingest(path)

        assert grown.events() == whole.events()
        kept = ("source_offset", "error_code", "error_field", "error", "raw", "raw_encoding", "raw_sha256")
        ours, theirs = ([{k: row.get(k) for k in kept} for row in p.quarantined()] for p in (grown, whole))
        assert ours == theirs


def _open_object_at_the_end(data: bytes) -> bool:
    """Whether a cut left a last line that is a whole object by itself: a single reading takes that as finished."""
    try:
        return isinstance(json.loads(data.rpartition(b"\n")[2]), dict)
    except ValueError:
        return False


def _through(texts: list[str]) -> tuple[dict[int, dict[str, Any]], set[str], list[dict[str, Any]]]:
    """The lines through ingest: events by the number in `case`, the raw lines refused, and all the rows."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        summary = place.ingest(place.write("app.log", texts))
        rows = place.events()
        refused = [row["raw"] for row in place.quarantined()]
    assert summary.read_lines == len(texts)
    assert summary.committed == len(rows)
    assert sorted(refused) == sorted(text for text in texts if text in set(refused))
    found = {}
    for row in rows:
        case = row.get("attributes", {}).get("case")
        if type(case) is int:
            found[case] = row
    return found, set(refused), rows


def _same(given_: Mapping[str, Any], row: Mapping[str, Any], line: str) -> None:
    """Every key of the line is in its column or among the attributes."""
    attributes = dict(row["attributes"])
    assert attributes.pop("case") == given_["case"]
    for key, value in given_.items():
        if key == "case":
            continue
        if key in EVENTS and key not in attributes:
            assert _held(key, row.get(key), value), (key, value, row.get(key), line)
        else:
            assert key in attributes, (key, line)
            assert _equal(attributes[key], value), (key, value, attributes[key], line)
    assert attributes.keys() <= given_.keys() | {"case"}, line


def _equal(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 is not true, 1.0 is 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def _held(column: str, stored: Any, value: Any) -> bool:
    """Whether a column holds this JSON value."""
    spec = EVENTS[column]
    if value is None:
        return column in ("kind", "ts", "event_id") or stored is None
    if column == "event_id" and value == "":
        return len(stored) == 36
    if spec.type == "string":
        text = value if isinstance(value, str) else json.dumps(value)
        lowered = ("kind", "status", "level", "trace_id", "span_id", "parent_span_id")
        if column == "level" and not isinstance(value, str):
            return isinstance(stored, str)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return bool(float(stored) == float(value))
        return bool(stored == text or (column in lowered and stored == text.lower()) or column == "level")
    if spec.type == "json":
        return bool(stored == value) if isinstance(value, str) else _equal(json.loads(stored), value)
    if spec.type == "timestamp":
        return stored is not None
    if spec.type == "boolean":
        return stored is value or stored is {"true": True, "false": False}.get(str(value))
    # An integer is what the line's digits say, which past 2**53 is not always what a double makes of them.
    number = float(value) if spec.type == "double" else int(Decimal(repr(value))) if isinstance(value, float) else value
    return bool(stored == (number if not isinstance(number, str) else _number(number)))


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)
