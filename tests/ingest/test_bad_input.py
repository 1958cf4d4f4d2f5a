"""Bad input is normal input: whatever a line holds, it arrives exactly or is refused with its reason and its bytes."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.ingest.lakes import NOW, Place, by_case, settings

from deadreckon.core.errors import SourceError
from deadreckon.core.schema import EVENT_COLUMNS, EVENTS
from deadreckon.ingest import engine
from deadreckon.ingest.sources import Known, Watcher

VALUES: Mapping[str, Any] = {
    "string": "text",
    "int": 7,
    "float": 1.5,
    "bool": True,
    "object": {"a": 1},
    "array": [1, "b"],
    "null": None,
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_bytes_that_are_no_text(place: Place) -> None:
    """Invalid UTF-8 is refused with its very bytes in base64; the lines around it, and NUL as an escape, arrive."""
    bad = [b'{"event": "caf\xe9"}', b"\xff\xfe\x00", b'{"case": "over\xc0\xaflong"}', b'{"case": "\xed\xa0\x80"}']
    good = [b'{"case": "first"}', b'{"case": "nul", "text": "a\\u0000b"}', '{"case": "naïve ☃ 🦊"}'.encode()]
    place.write("app.log", [good[0], *bad, *good[1:]])

    summary = place.ingest(place.root / "app.log")

    assert (summary.committed, summary.quarantined) == (3, 4)
    found = by_case(place.events())
    assert found.keys() == {"first", "nul", "naïve ☃ 🦊"}
    assert found["nul"]["attributes"]["text"] == "a\x00b"
    refused = place.quarantined()
    assert [row["error_code"] for row in refused] == ["invalid_utf8"] * 4
    assert [base64.b64decode(row["raw"]) for row in refused] == bad
    assert "byte 14 (0xe9)" in refused[0]["error"]


def test_nul_bytes(place: Place) -> None:
    """A raw NUL, as a crash leaves it in a file, is refused whole; the line after it arrives."""
    bad = [b"\x00" * 4096, b'{"case": "a\x00b"}', b'\x00\x00{"case": "x"}']
    place.write("app.log", [*bad, b'{"case": "after"}'])

    place.ingest(place.root / "app.log")

    assert place.values("case") == ["after"]
    assert [row["raw"].encode() for row in place.quarantined()] == bad
    assert {row["error_code"] for row in place.quarantined()} == {"invalid_json"}


def test_byte_order_mark_and_carriage_returns(place: Place) -> None:
    """A BOM at the start and CRLF at the ends are no part of any line; a refused line is kept without its CRLF."""
    place.write("windows.log", b'\xef\xbb\xbf{"case": "first"}\r\n\r\n{"case": "second"}\r\nnot json\r\n{"case": "3"}')

    summary = place.ingest(place.root / "windows.log")

    assert summary.read_lines == 5
    assert place.values("case") == ["3", "first", "second"]
    (row,) = place.quarantined()
    assert (row["raw"], row["raw_bytes"]) == ("not json", 8)


def test_file_of_only_a_byte_order_mark(place: Place) -> None:
    """A BOM and nothing after it is an empty file."""
    place.write("bom.log", b"\xef\xbb\xbf\r\n")

    summary = place.ingest(place.root / "bom.log")

    assert (summary.committed, summary.quarantined) == (0, 0)


@pytest.mark.parametrize("content", [b"", b"\n" * 1000, b"\r\n \t\r\n\n   \n"], ids=["empty", "newlines", "blanks"])
def test_nothing_in_it(place: Place, content: bytes) -> None:
    """An empty file, or one of blank lines, is fine: nothing arrives and nothing is refused, also the second time."""
    path = place.write("app.log", content)

    for _ in range(2):
        summary = place.ingest(path)
        assert (summary.committed, summary.quarantined) == (0, 0)
    assert place.events() == []


def test_only_garbage(place: Place) -> None:
    """Where nothing is JSON every line is refused, once, with its place; the empty lake stays readable."""
    lines = [
        "Traceback (most recent call last):",
        "  File x",
        "{",
        "}",
        "[1, 2]",
        '"text"',
        "12",
        "null",
        "{}",
        "{'a': 1}",
    ]
    path = place.write("app.log", lines)

    first, second = place.ingest(path), place.ingest(path)

    assert (first.committed, first.quarantined, second.read_lines) == (0, len(lines), 0)
    refused = place.quarantined()
    assert [row["raw"] for row in refused] == lines
    starts = itertools.accumulate((len(line) + 1 for line in lines[:-1]), initial=0)
    assert [row["source_offset"] for row in refused] == list(starts)
    assert all(row["error"] and row["error_code"] in ("invalid_json", "not_an_object") for row in refused)
    assert place.events() == []


def test_line_of_50_mb_in_bounded_memory(place: Place) -> None:
    """A line over the limit never is in memory whole: its head, length and hash are kept, and its neighbours arrive."""
    path = place.root / "big.log"
    with path.open("wb") as file:
        file.write(b'{"case": "before"}\n{"case": "big", "blob": "')
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n{"case": "after"}\n')
    small = place.write("small.log", [{"case": "small"}])
    code = """
import resource, sys
from deadreckon.core.settings import Settings
from deadreckon.ingest import ingest
lake, small, big = sys.argv[1:]
settings = Settings.model_validate({"ingest": {"batch_bytes": 4 << 20}})
ingest([small], lake, settings=settings)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
ingest([big], lake, settings=settings)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""
    command = [sys.executable, "-c", code, str(place.lake), str(small), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert int(done.stdout) < 40_000_000
    assert place.values("case") == ["after", "before", "small"]
    (row,) = place.quarantined()
    assert row["error_code"] == "oversize"
    assert row["raw_bytes"] == len('{"case": "big", "blob": ""}') + 50_000_000
    assert row["raw"].startswith('{"case": "big", "blob": "xxx')
    assert len(row["raw"]) < 1_000_000


def test_long_line_within_the_limit(place: Place) -> None:
    """A line just within the limit arrives whole; one byte more is refused."""
    within = {"case": "within", "blob": "x" * (200_000 - len('{"case": "within", "blob": ""}'))}
    over = {"case": "over", "blob": "x" * (200_001 - len('{"case": "over", "blob": ""}'))}
    path = place.write("app.log", [within, over])

    place.ingest(path, using=settings(ingest={"max_line_bytes": 200_000}))

    (event,) = place.events()
    assert event["attributes"] == within
    (row,) = place.quarantined()
    assert (row["error_code"], row["raw_bytes"]) == ("oversize", 200_001)


def _nested(depth: int, *, brackets: str = "[]") -> str:
    if brackets == "[]":
        return "[" * depth + "]" * depth
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_deep_nesting(place: Place, brackets: str) -> None:
    """A thousand levels and a hundred thousand: a line arrives as it is, or is refused whole; nothing falls over."""
    known = "features" if brackets == "{}" else "options"
    lines = {}
    for depth in (990, 100_000):
        deep = _nested(depth, brackets=brackets)
        lines[f"unknown/{depth}"] = f'"deep": {deep}'
        lines[f"known/{depth}"] = f'"{known}": {deep}'
        lines[f"foreign/{depth}"] = f'"exception": "E: x", "session": {{"id": "s"}}, "deep": {deep}'
    texts = {f'{{"case": "{case}", {body}}}': case for case, body in lines.items()}
    path = place.write(
        "app.log", [*texts, _nested(100_000, brackets=brackets).replace("1", "[") + "]", '{"event": "after"}']
    )

    place.ingest(path)

    refused = {texts.get(row["raw"]) for row in place.quarantined()}
    assert {row["error_code"] for row in place.quarantined()} <= {"too_deep", "invalid_json"}
    stored = {row["attributes"][9:].partition('"')[0]: row for row in place._rows("events", "WHERE event IS NULL")}
    assert stored.keys() == {case for case in lines if case not in refused}
    # A line that a dialect rewrites is read by Python, whose depth depends on what it stands on already.
    assert {"foreign/100000", None} <= refused <= {"foreign/100000", "foreign/990", None}
    for case, row in stored.items():
        sort, _, depth = case.partition("/")
        kept = row[known] if sort == "known" else row["attributes"].partition('"deep":')[2][:-1]
        assert kept.replace(" ", "") == _nested(int(depth), brackets=brackets)
    assert len(place._rows("events", "WHERE event = 'after'")) == 1


def test_duplicate_keys(place: Place) -> None:
    """A key that stands twice at the top is refused by name, whatever it is; inside an attribute it stays as it is."""
    lines = [
        '{"event": "a", "event": "b"}',
        '{"x": 1, "x": 1}',
        '{"a": 1, "\\u0061": 2}',
        '{"case": "inside", "deep": {"k": 1, "k": 2}}',
        '{"case": "cases", "K": 1, "k": 2}',
    ]
    path = place.write("app.log", lines)

    place.ingest(path)

    refused = place.quarantined()
    assert [(row["error_code"], row["error_field"]) for row in refused] == [
        ("duplicate_key", "event"),
        ("duplicate_key", "x"),
        ("duplicate_key", "a"),
    ]
    assert [row["raw"] for row in refused] == lines[:3]
    found = by_case(place.events())
    assert found.keys() == {"inside", "cases"}
    assert (found["cases"]["attributes"]["K"], found["cases"]["attributes"]["k"]) == (1, 2)


def test_no_time_but_an_id(place: Place) -> None:
    """A line that has only a UUIDv7 happened when that was made: sent again weeks later, it is known for the same."""
    line = {"event_id": "01a1095e-45bd-7efb-84ea-4c009d7a4dda", "event": "x"}
    strange = ["ffffffff-ffff-7fff-bfff-ffffffffffff", "00000000-0000-7000-8000-000000000000", str(UUID(int=4))]
    now = datetime(2026, 10, 6, tzinfo=UTC)
    place.ingest(place.write("a.log", [line]), now=now)
    again = place.ingest(
        place.write("b.log", [line, *({"event_id": i} for i in strange)]), now=now + timedelta(days=60)
    )

    assert (again.committed, again.duplicates) == (3, 1)
    assert {row["event_id"]: row["ts"] for row in place.events()} == {
        line["event_id"]: datetime(2026, 10, 5, 0, 2, 15, 613000, tzinfo=UTC),
        **dict.fromkeys(strange, now + timedelta(days=60)),
    }


@pytest.mark.parametrize("literal", ["nan", "NAN", "-nan", "inf", "-inf", "Inf", "infinity", "-INFINITY"])
def test_numbers_of_a_lenient_parser(place: Place, literal: str) -> None:
    """Spellings that only the bulk parser takes for numbers are refused: no column may hold what is not JSON."""
    bodies = ['"other": %s', '"other": {"a": [1, %s]}', '"features": {"x": %s}', '"input": [%s]', '"value": %s']
    lines = [f'{{"case": {n}, {body % literal}}}' for n, body in enumerate(bodies)]
    fine = ['{"case": "text", "other": "so: nan, or [inf"}', '{"case": "json", "features": {"x": ":nan"}}']

    place.ingest(place.write("app.log", [*lines, *fine]))

    assert [row["raw"] for row in place.quarantined()] == lines
    assert {row["error_code"] for row in place.quarantined()} == {"invalid_json"}
    found = by_case(place.events())
    assert found["text"]["attributes"]["other"] == "so: nan, or [inf"
    assert json.loads(found["json"]["features"]) == {"x": ":nan"}


def test_no_json_numbers(place: Place) -> None:
    """NaN and the infinities, which JSON has not, arrive as such in a number's column and as text elsewhere."""
    literals = ("NaN", "Infinity", "-Infinity")
    lines = [
        f'{{"case": "{where}/{text}", {body % text}}}'
        for where, body in {
            "double": '"value": %s',
            "int": '"step": %s',
            "wide": '"input_tokens": %s',
            "time": '"ts": %s',
            "open": '"other": %s',
            "deep": '"other": {"a": [%s, 1]}',
            "features": '"features": {"x": %s}',
        }.items()
        for text in literals
    ]
    path = place.write("app.log", lines)

    place.ingest(path)

    found = by_case(place.events())
    refused = {json.loads(row["raw"])["case"]: row["error_field"] for row in place.quarantined()}
    assert found.keys() | refused.keys() == {json.loads(line)["case"] for line in lines}
    for text in literals:
        assert str(found[f"double/{text}"]["value"]) == str(float(text))
        assert found[f"open/{text}"]["attributes"]["other"] == text
        assert found[f"deep/{text}"]["attributes"]["other"] == {"a": [text, 1]}
        assert json.loads(found[f"features/{text}"]["features"]) == {"x": text}
        assert refused[f"int/{text}"] == "step"
        assert refused[f"wide/{text}"] == "input_tokens"
        assert refused[f"time/{text}"] == "ts"


def test_numbers_past_64_bits(place: Place) -> None:
    """An integer's column holds 64 bits exactly and refuses more; attributes keep every digit of an integer."""
    fits = {str(n): n for n in (2**63 - 1, -(2**63), 2**53 + 1, -(2**53) - 1, 0, -0)}
    fits |= {"12.0": 12, "1e3": 1000, '"9007199254740993"': 2**53 + 1}
    over = (str(2**63), str(-(2**63) - 1), str(2**64), "1e19", "1e400", "1" + "0" * 400, "12.5", '"12.5"', '"twelve"')
    kept = (str(2**70), "1" + "0" * 400, "-0.0", "1E400", "1" * 5000, "18446744073709551615")
    lines = [
        f'{{"case": "{column}/{n}", "{column}": {text}}}'
        for column in ("step", "input_tokens", "size_bytes")
        for n, text in enumerate([*fits, *over])
    ]
    lines += [f'{{"case": "kept/{n}", "big": {text}}}' for n, text in enumerate(kept)]
    path = place.write("app.log", lines)

    place.ingest(path)

    rows = place._rows("events", "")  # Python refuses to parse 5,000 digits
    texts = {row["attributes"].split('"')[3]: row for row in rows}
    found = {case: row for case, row in texts.items() if not case.startswith("kept")}
    refused = {row["raw"]: row for row in place.quarantined()}
    for line in lines:
        column, _, number = line.split('"')[3].partition("/")
        place_of = int(number)
        if column == "kept":
            continue
        if place_of < len(fits):
            assert found[f"{column}/{number}"][column] == list(fits.values())[place_of], line
        else:
            assert refused[line]["error_field"] == column, line
            assert refused[line]["error_code"] in ("out_of_range", "wrong_type")
    for n, text in enumerate(kept):
        assert f'"big":{text}}}' in texts[f"kept/{n}"]["attributes"].replace(" ", "")


def test_doubles_past_their_range(place: Place) -> None:
    """What a double cannot hold is refused; a long integer comes as the nearest double, as in any JSON parser."""
    lines = {
        f'{{"case": "{n}", "value": {text}}}': expected
        for n, (text, expected) in enumerate(
            [(str(2**70), float(2**70)), ("1e308", 1e308), ("1e400", None), ("-1e400", None), ("1e-400", 0.0),
             ("1" + "0" * 400, None), ("0.1", 0.1), ('"0.5"', 0.5), ('"half"', None), ('""', None), ("true", None)]
        )
    }  # fmt: skip
    path = place.write("app.log", lines)

    place.ingest(path)

    found = by_case(place.events())
    refused = {row["raw"]: row["error_field"] for row in place.quarantined()}
    for n, (line, expected) in enumerate(lines.items()):
        if expected is None:
            assert refused.get(line) == "value", line
        else:
            assert found[str(n)]["value"] == expected


def test_every_column_with_every_type(place: Place) -> None:
    """Each known key with each JSON type: converted exactly, refused by name, or kept among the attributes."""
    cases = {f"{column.name}/{kind}": value for column in EVENT_COLUMNS for kind, value in VALUES.items()}
    path = place.write("app.log", [{"case": case, case.split("/")[0]: value} for case, value in cases.items()])

    summary = place.ingest(path)

    assert summary.committed + summary.quarantined == len(cases)
    found = by_case(place.events())
    refused = {json.loads(row["raw"])["case"]: row for row in place.quarantined()}
    for case, value in cases.items():
        column = case.split("/")[0]
        if case in refused:
            assert refused[case]["error_field"] == column, case
            assert value is not None, case
            assert json.dumps(value) in refused[case]["error"], case
        else:
            row = found[case]
            assert _holds(column, row.get(column), value) or row["attributes"].get(column) == value, (case, row)
    wrong = {"bigint": ("string", "float", "bool", "object", "array"), "double": ("string", "bool", "object", "array")}
    wrong |= {"boolean": ("int", "float", "object", "array"), "timestamp": ("string", "bool", "object", "array")}
    for column in EVENT_COLUMNS:
        for kind in wrong.get(column.type, ()):
            assert f"{column.name}/{kind}" in refused
        assert f"{column.name}/null" in found


def _holds(column: str, stored: Any, value: Any) -> bool:
    """Whether a stored value is this JSON value."""
    spec = EVENTS[column]
    if column == "ts":
        return stored == (NOW if value is None else datetime.fromtimestamp(value, UTC))
    if column == "kind" and value is None:
        return stored == "log"
    if column == "level" and value == VALUES["int"]:
        return bool(stored == "debug")  # pino's numbers
    if column == "event_id" and value is None:
        return len(stored) == 36
    if column == "attributes":
        return True  # merged into what the test itself put there: `case`; asked for below it
    if value is None or stored is None:
        return stored is None and value is None
    if spec.type == "string":
        return bool(stored == (value if type(value) is str else json.dumps(value)))
    if spec.type == "json":
        return bool(stored == value) if type(value) is str else bool(json.loads(stored) == value)
    return isinstance(stored, bool) is isinstance(value, bool) and bool(stored == value)


def test_given_attributes_are_merged(place: Place) -> None:
    """An object under `attributes` becomes attributes, beside the line's other keys."""
    path = place.write(
        "app.log", [{"case": "both", "attributes": {"a": 1}}, {"attributes": {"case": "own", "case2": 2}}]
    )

    place.ingest(path)

    assert sorted(map(str, (row["attributes"] for row in place.events()))) == [
        "{'case': 'both', 'a': 1}",
        "{'case': 'own', 'case2': 2}",
    ]


DAY = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
MOMENT = DAY.replace(microsecond=123456)
SECONDS = int(DAY.timestamp())
ACCEPTED: Mapping[str, datetime] = {
    '"2026-03-04T05:06:07Z"': DAY,
    '"2026-03-04T05:06:07.123456Z"': MOMENT,
    '"2026-03-04T05:06:07.123456+00:00"': MOMENT,
    '"2026-03-04T10:36:07+05:30"': DAY,
    '"2026-03-04T10:36:07+0530"': DAY,
    '"2026-03-03T21:06:07-08"': DAY,
    '"2026-03-04T05:06:07,123Z"': DAY.replace(microsecond=123000),
    '"2026-03-04 05:06:07,123"': DAY.replace(microsecond=123000),
    '"2026-03-04T05:06:07.123456789Z"': MOMENT,
    '"2026-03-04 05:06:07"': DAY,
    '"2026-03-04 05:06:07.123456+00"': MOMENT,
    '"2026-03-04T05:06Z"': DAY.replace(second=0),
    f"{SECONDS}": DAY,
    f"{SECONDS}.123456": MOMENT,
    f'"{SECONDS}"': DAY,
    f'"{SECONDS}.123456"': MOMENT,
    f"{SECONDS}123": DAY.replace(microsecond=123000),
    f"{SECONDS}123.456": MOMENT,
    f'"{SECONDS}123"': DAY.replace(microsecond=123000),
    f"{SECONDS}123456": MOMENT,
    f'"{SECONDS}123456"': MOMENT,
    f"{SECONDS}123456789": MOMENT,
    f'"{SECONDS}123456789"': MOMENT,
    f"{SECONDS / 1e9}e9": DAY,
    "0": datetime(1970, 1, 1, tzinfo=UTC),
    "-1": datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
    '"0001-01-01T00:00:00Z"': datetime(1, 1, 1, tzinfo=UTC),
    '"9999-12-31T23:59:59.999999Z"': datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
}
REJECTED = (
    *('"yesterday"', '"2026-13-01T00:00:00Z"', '"2026-02-30T00:00:00Z"', '"2026-01-01T25:00:00Z"', '"soon: now"'),
    *('"0000-01-01T00:00:00Z"', '"10000-01-01T00:00:00Z"', '"infinity"', '"-infinity"', '"epoch"', '"now"', '""'),
    *(
        '" "',
        '"12:30"',
        '"1e400"',
        "1e400",
        "1e30",
        "true",
        "{}",
        "[]",
        '"NaN"',
        '"Infinity"',
        "NaN",
        '"9999-99-99 99:99"',
    ),
    *('"0001-01-01T00:00:00+05:00"', '"9999-12-31T23:59:59-05:00"'),
)


@pytest.mark.parametrize("key", ["ts", "timestamp", "@timestamp", "time"])
def test_timestamps(place: Place, key: str) -> None:
    """Every accepted form gives its instant to the microsecond under each key; every other is refused by that key."""
    lines = [f'{{"case": "{n}", "{key}": {text}}}' for n, text in enumerate([*ACCEPTED, *REJECTED])]
    path = place.write("app.log", lines)

    place.ingest(path)

    found = by_case(place.events())
    refused = {row["raw"]: (row["error_code"], row["error_field"]) for row in place.quarantined()}
    for n, (text, moment) in enumerate(ACCEPTED.items()):
        assert lines[n] not in refused, text
        assert found[str(n)]["ts"] == moment, text
    for line in lines[len(ACCEPTED) :]:
        assert refused.get(line) == ("bad_timestamp", key), line
    assert len(found) == len(ACCEPTED)


def test_naive_times_in_a_zone(place: Place) -> None:
    """A time without offset is read in the zone that the settings name; one with an offset is not."""
    path = place.write(
        "app.log", [{"case": "naive", "ts": "2026-07-01 12:00:00"}, {"case": "zoned", "ts": "2026-07-01 12:00:00Z"}]
    )

    place.ingest(path, using=settings(ingest={"naive_timezone": "Europe/Paris"}))

    found = by_case(place.events())
    assert found["naive"]["ts"] == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert found["zoned"]["ts"] == datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_truncated_gzip(place: Place) -> None:
    """The whole lines before the damage arrive, the damage is one row, and reading it again adds nothing."""
    plain = b"".join(b'{"case": %d, "pad": "%s"}\n' % (n, bytes(f"{n * 7919:x}" * 20, "ascii")) for n in range(3000))
    packed = gzip.compress(plain, 6)
    path = place.write("app.log.gz", packed[: len(packed) * 2 // 3])

    first, second = place.ingest(path), place.ingest(path)

    cases = place.values("case")
    assert 1000 < len(cases) < 3000
    assert cases == list(range(len(cases)))
    assert (first.committed, second.committed, second.quarantined) == (len(cases), 0, 0)
    (row,) = place.quarantined()
    assert row["error_code"] == "damaged_source"
    assert row["error"]
    assert row["source_path"] == str(path)

    path.write_bytes(packed)
    third = place.ingest(path)
    assert place.values("case") == list(range(3000))
    assert third.committed == 3000 - len(cases)
    (mended,) = place.ledger("resolution")
    assert (mended["resolution"], mended["quarantine_id"]) == ("repaired", row["quarantine_id"])
    assert place.ingest(path).read_lines == 0
    assert len(place.ledger("resolution")) == 1


def test_gzip_without_its_end(place: Place) -> None:
    """All lines were there, and only the checksum missing: when the rest comes, the damage is closed."""
    packed = gzip.compress(b'{"case": 1}\n' * 50)
    path = place.write("app.log.gz", packed[:-6])
    place.ingest(path)
    assert [row["error_code"] for row in place.quarantined()] == ["damaged_source"]

    path.write_bytes(packed)
    place.ingest(path)

    assert len(place.events()) == 50
    assert [row["resolution"] for row in place.ledger("resolution")] == ["repaired"]


def test_garbage_named_gzip(place: Place) -> None:
    """A file that only starts like gzip is one damaged source, and the other inputs arrive."""
    bad = place.write("bad.gz", b"\x1f\x8b\x08\x00 this is not deflate at all")
    good = place.write("good.log", [{"case": "good"}])

    place.ingest(bad, good)

    assert place.values("case") == ["good"]
    assert [row["error_code"] for row in place.quarantined()] == ["damaged_source"]


def test_folder_that_is_not_there(place: Place) -> None:
    """A named folder that does not exist is an error that names it, and nothing is committed."""
    with pytest.raises(SourceError, match="nowhere"):
        place.ingest(place.root / "nowhere")
    assert not (place.lake / "events").exists() or place.events() == []


def test_folder_that_vanishes(place: Place) -> None:
    """A folder removed between being found and being read loses nothing else; a follower waits for its return."""
    gone, stays = place.root / "gone", place.root / "stays"
    for folder in (gone, stays):
        folder.mkdir()
        (folder / "app.log").write_text(json.dumps({"case": folder.name}) + "\n")
    lake = engine.Lake.create(place.lake)
    with engine.Ingester(lake, settings()) as ingester:
        watcher = Watcher([gone, stays], max_line_bytes=1 << 20, warn=lambda _: None)
        looked = _VanishingWatcher(watcher, gone)
        ingester.look(looked)  # type: ignore[arg-type]  # it looks like a Watcher
        assert place.values("case") == ["stays"]
        ingester.look(watcher)
        gone.mkdir()
        (gone / "app.log").write_text('{"case": "back"}\n')
        ingester.look(watcher)
    assert place.values("case") == ["back", "stays"]


class _VanishingWatcher:
    """Removes a folder right after its files were found."""

    def __init__(self, inner: Watcher, folder: Path) -> None:
        self._inner, self._folder = inner, folder

    def discover(self, known: Mapping[str, Known]) -> list[Any]:
        found = self._inner.discover(known)
        shutil.rmtree(self._folder)
        return found
