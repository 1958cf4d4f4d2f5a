"""Values of every sort: written as they are where JSON can hold them, safely where it cannot."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.emit.conftest import SpoolFolder

from deadreckon import emit


class Point(NamedTuple):
    x: int
    y: int


class Colour(Enum):
    RED = "red"


@dataclass
class Item:
    name: str
    price: float


class Rude:
    """Raises whatever is asked of it."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class Model:
    """Gives its content as pydantic's models do."""

    def model_dump(self) -> dict[str, Any]:
        return {"a": 1, "b": math.nan}


class Word(str):
    """A string of another type."""

    __slots__ = ()


def circle() -> list[Any]:
    ring: list[Any] = [1]
    ring.append(ring)
    return ring


def deep(levels: int) -> list[Any]:
    nest: list[Any] = []
    for _ in range(levels):
        nest = [nest]
    return nest


EXACT: dict[str, tuple[Any, Any]] = {
    "none": (None, None),
    "largest integers": ([2**64 - 1, -(2**63)], [2**64 - 1, -(2**63)]),
    "datetime": (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
    "date": (date(2026, 1, 2), "2026-01-02"),
    "uuid": (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "enum": (Colour.RED, "red"),
    "dataclass": (Item("a", 1.5), {"name": "a", "price": 1.5}),
    "tuple": ((1, 2), [1, 2]),
    "named tuple": (Point(1, 2), [1, 2]),
    "set": ({1}, [1]),
    "frozenset": (frozenset({1}), [1]),
    "bytes": (b"caf\xc3\xa9", "café"),
    "decimal": (Decimal("0.1"), 0.1),
    "ordered mapping": (OrderedDict(a=1), {"a": 1}),
    "read-only mapping": (MappingProxyType({"a": 1}), {"a": 1}),
    "string of another type": (Word("a"), "a"),
    "numpy scalar": (np.float32(0.5), 0.5),
    "numpy integer": (np.int64(3), 3),
    "numpy array": (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    "numpy array in another order": (np.array([[1, 2], [3, 4]]).T, [[1, 3], [2, 4]]),
    "null beside a word that says null": ({"a": None, "b": "null"}, {"a": None, "b": "null"}),
}
COERCED: dict[str, tuple[Any, Any]] = {
    "integer past 64 bits": (2**64, "18446744073709551616"),
    "negative integer past 64 bits": (-(2**63) - 1, "-9223372036854775809"),
    "integer of ten thousand digits": (16**5000, hex(16**5000)),
    "nan": (math.nan, "NaN"),
    "nan within": ({"a": [1.0, math.nan]}, {"a": [1.0, "NaN"]}),
    "infinities": ([math.inf, -math.inf], ["Infinity", "-Infinity"]),
    "nan in a numpy scalar": (np.float32("nan"), "NaN"),
    "nan in a numpy array": (np.array([1.0, np.nan]), [1.0, "NaN"]),
    "nan in a dataclass": (Item("a", math.nan), {"name": "a", "price": "NaN"}),
    "nan in a model": (Model(), {"a": 1, "b": "NaN"}),
    "decimal nan": (Decimal("NaN"), "NaN"),
    "decimal past 64 bits": (Decimal(2**70), str(2**70)),
    "keys that are no strings": (
        {3: "a", None: "b", True: "c", 2.5: "d"},
        {"3": "a", "null": "b", "true": "c", "2.5": "d"},
    ),
    "keys that become the same": ({1: "a", "1": "b"}, {"1": "a", "1~2": "b"}),
    "lone surrogate": ("a\ud800", "a\\ud800"),
    "lone surrogate in a key": ({"\ud800": 1}, {"\\ud800": 1}),
    "circle": (circle(), [1, "<circular>"]),
    "path": (PurePosixPath("/a/b"), "/a/b"),
    "fraction": (Fraction(1, 3), "1/3"),
    "bytes that are no text": (b"\xff\x00", "\\xff\x00"),
    "class": (Rude, "<class 'tests.emit.test_encode.Rude'>"),
    "rude object": (Rude(), "<unprintable Rude>"),
    "generator": ((n for n in ()), None),
    "exception": (ValueError("bad"), "bad"),
}


@pytest.mark.parametrize("name", EXACT)
def test_values_that_json_can_hold_are_exact_and_not_counted(spool: SpoolFolder, name: str) -> None:
    """Common types of Python and numpy have a form, at the top and within structures."""
    value, expected = EXACT[name]
    before = emit.stats().coerced
    emit.get_logger().info("x", value=value, within=[{"a": value}])
    event = spool.event()
    assert (event["value"], event["within"]) == (expected, [{"a": expected}])
    assert emit.stats().coerced == before


@pytest.mark.parametrize("name", COERCED)
def test_values_that_json_cannot_hold_are_written_safely_and_counted(spool: SpoolFolder, name: str) -> None:
    """The event arrives whole, the other fields untouched, and the gauge shows that something was changed."""
    value, expected = COERCED[name]
    before = emit.stats().coerced
    emit.get_logger().info("x", value=value, other=1)
    with emit.bound(value=value):
        emit.get_logger().info("x")
    called, bound = spool.events()
    assert called["other"] == 1
    if expected is not None:
        assert called["value"] == bound["value"] == expected
    assert emit.stats().coerced > before


@pytest.mark.parametrize("levels", [50, 253, 300, 5000])
def test_nesting_of_any_depth_is_written(spool: SpoolFolder, levels: int) -> None:
    """What is too deep for JSON readers becomes text below a hundred levels."""
    emit.get_logger().info("x", value=deep(levels), other=1)
    assert spool.event()["other"] == 1


def test_a_large_object_is_cut_and_a_large_string_is_not(spool: SpoolFolder) -> None:
    """Text is the user's own; the print of an object is not worth megabytes."""

    class Huge:
        def __str__(self) -> str:
            return "x" * 1_000_000

    emit.get_logger().info("x", text="y" * 1_000_000, thing=Huge())
    event = spool.event()
    assert len(event["text"]) == 1_000_000
    assert event["thing"].endswith("... (1000000 characters)")
    assert len(event["thing"]) < 20_000


def test_a_large_array_of_another_kind_is_not_unrolled(spool: SpoolFolder) -> None:
    """A tensor that was logged by mistake does not fill the disk."""

    class Tensor:
        shape = (1000, 1000)

        def tolist(self) -> list[Any]:
            raise AssertionError("unrolled")

        def __str__(self) -> str:
            return "tensor(...)"

    emit.get_logger().info("x", value=Tensor())
    assert spool.event()["value"] == "tensor(...)"


def test_a_field_that_is_changed_while_it_is_printed_does_no_harm(spool: SpoolFolder) -> None:
    """Objects whose print has effects are the application's business."""
    fields: dict[str, Any] = {}

    class Meddler:
        def __str__(self) -> str:
            fields.clear()
            emit.get_logger().info("from within")
            return "meddler"

    fields.update(a=Meddler(), b=2**70)
    emit.get_logger().info("x", value=fields)
    assert {event["event"] for event in spool.events()} == {"x", "from within"}


KEYS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.binary())
ANYTHING = st.recursive(
    KEYS | st.datetimes() | st.decimals(), lambda one: st.lists(one) | st.dictionaries(KEYS, one), max_leaves=12
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.text(st.characters()), ANYTHING), st.text(st.characters()))
def test_any_event_becomes_one_line_of_json(spool: SpoolFolder, fields: dict[str, Any], name: str) -> None:
    """Whatever the fields are called and hold, there is one whole line, and no key of it is there twice."""
    emit.event(name, **{f"_{key}": value for key, value in fields.items()})
    path = emit.stats().path
    assert path is not None
    line = path.read_bytes().splitlines(keepends=True)[-1]
    assert line.endswith(b"}\n")
    pairs = json.loads(line, object_pairs_hook=_unique, parse_constant=pytest.fail)
    assert set(pairs) >= {"ts", "event_id", "event", "kind", "level"}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda one: st.lists(one) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), one),
    max_leaves=12,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "request_id", "bound", "ünï"]), PLAIN, min_size=1), st.booleans())
def test_json_values_round_trip_exactly(spool: SpoolFolder, fields: dict[str, Any], overlap: bool) -> None:
    """Both ways through the encoder, the short and the long, give back what went in."""
    bound = {"bound": "context"} if overlap else {}
    with emit.bound(**bound):
        emit.get_logger().info("x", **fields)
    path = emit.stats().path
    assert path is not None
    event = json.loads(path.read_bytes().splitlines()[-1])
    assert {key: event[key] for key in fields} == fields


def test_the_short_and_the_long_way_write_the_same_event(spool: SpoolFolder) -> None:
    """Key by key, in the same order, whether the pieces were joined or the event was built whole."""
    with emit.bound(request_id="r-1"), emit.span("outer"):
        log = emit.get_logger("l", a=1)
        log.info("x", b=2)
        log.info("x", b=2, exc_info=None)
    short, long, _ = spool.events()
    assert list(short) == list(long)
    stamp = {"ts", "event_id"}
    assert {k: v for k, v in short.items() if k not in stamp} == {k: v for k, v in long.items() if k not in stamp}
