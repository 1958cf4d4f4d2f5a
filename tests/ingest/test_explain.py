"""A refused line says why, where, and what to do."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.ingest.objects import ANY_LINE, SCALARS
from tests.ingest.reading import read

from deadreckon.core.schema import EVENT_COLUMNS, alias_table
from deadreckon.ingest.explain import explain
from deadreckon.ingest.rejects import Reject

ALIASES = alias_table()
CODES = {
    *("invalid_json", "not_an_object", "duplicate_key", "wrong_type", "bad_timestamp", "out_of_range", "too_deep"),
    "invalid_utf8",
}
TEXTS = [
    *(
        "",
        " ",
        "abc",
        "12",
        " 12 ",
        "1_000",
        "1_",
        "1__0",
        "0x10",
        "1e3",
        "1e400",
        "-0",
        "+5",
        "12.0",
        "12.5",
        "1.",
        ".5",
    ),
    *("nan", "NaN", "inf", "Infinity", "-Infinity", "true", "TRUE", "null", "{}", "[]", "{x", "[1", '{"a":1}', "12 3"),
    *(
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "1e18",
        "1e19",
        "\x00",
        "\ud83d",
        "ok",
        "500",
    ),
    *("2026-01-02T03:04:05Z", "2026-01-02 03:04:05,123", "2026-01-02", "2026-02-30T00:00:00Z", "03:04:05", "infinity"),
    *("0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "2026-01-02T03:04:05+0530", "epoch"),
]
NUMBERS = [
    *(
        "0",
        "1",
        "-1",
        "12.0",
        "12.5",
        "1e3",
        "1e400",
        "-1e400",
        "9223372036854775807",
        "9223372036854775808",
        "1e19",
        "-0.0",
    ),
    *(
        "9007199254740993",
        "9007199254740993.0",
        "123456789012345678901234567890",
        "NaN",
        "Infinity",
        "-Infinity",
        "404",
    ),
    *("1795226580447464704", "253402300800", "253402300799", "-62135596801", "-62135596800", "1e17", "true", "null"),
    *("{}", "[]", '{"a":1}', "[1]", "[NaN]", '{"a":NaN}'),
]
BROKEN = [
    *(
        "{",
        '{"a"',
        '{"a":',
        '{"a":"',
        '{"a":tru',
        '{"a":1}x',
        "{a:1}",
        "{'a':1}",
        '{"a":+1}',
        '{"a":.5}',
        "hello",
        "\x00",
    ),
    *('{"a":"\x01"}', '{"a":"\\x"}', '{"a":01}', '{"a":1]', '{"a":1,,"b":2}', '{"a":\ud7ff}', '\ufeff\ufeff{"a":1}'),
]


def said(line: str | bytes) -> Reject:
    """What is said of a line that must be refused."""
    raw = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
    found = explain(raw, "src", 7, ALIASES)
    assert found is not None
    assert (found.source_id, found.offset) == ("src", 7)
    assert found.error.isprintable()
    return found


class TestTheSameRules:
    """The explanation follows the decoder, line by line."""

    def check(self, texts: list[str]) -> None:
        outcome = read("\n".join(texts) + "\n")
        refused = {r.offset: r for r in outcome.rejects}
        offsets = itertools.accumulate((len(text.encode()) + 1 for text in texts), initial=0)
        for text, offset in zip(texts, offsets, strict=False):
            found = explain(text.encode(), "src", offset, ALIASES)
            assert found is not None
            assert (found.code in CODES) == (offset in refused), (text, found.code)
            if offset in refused:
                assert (refused[offset].code, refused[offset].field) == (found.code, found.field)

    def test_every_column_with_every_kind_of_value(self) -> None:
        """What the decoder refuses is explained with a specific code, and what it takes is not."""
        values = [json.dumps(text) for text in TEXTS] + NUMBERS
        columns = [c.name for c in EVENT_COLUMNS]
        self.check([f'{{"{name}":{value}}}' for name in columns for value in values])

    def test_lines_that_are_broken(self) -> None:
        """Text that is no JSON, cut lines, wrong escapes."""
        self.check(BROKEN)

    @settings(max_examples=10, deadline=None)
    @given(
        st.lists(
            st.one_of(ANY_LINE, st.dictionaries(st.sampled_from(sorted(ALIASES)), SCALARS, min_size=1)), max_size=20
        )
    )
    @example([{"": None}, {"@timestamp": None, "asctime": None}])
    @example([{"gen_ai.operation.name": [], "langfuse.observation.cost_details": None}])
    @example([{"": None}, {"attempt": 1.0000000000000002e16}])
    def test_any_object(self, lines: list[dict[str, Any]]) -> None:
        """Random objects, with shapes of other loggers among them."""
        self.check([json.dumps(line) for line in lines if line])

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=40))
    def test_any_bytes(self, line: bytes) -> None:
        """Whatever a line is, explaining it never fails, and only blank ones have nothing to explain."""
        found = explain(line, "src", 0, ALIASES)
        assert (found is None) == (not line.decode("utf-8", "replace").strip(" \t\r\n\ufeff"))


class TestWhatIsSaid:
    """Messages that a person can act on."""

    @pytest.mark.parametrize(
        ("line", "code", "field", "words"),
        [
            (
                '{"input_tokens": "abc"}',
                "wrong_type",
                "input_tokens",
                ['input_tokens is "abc"', "an integer is needed", "[aliases]", "reckon quarantine replay"],
            ),
            ('{"gen_ai.usage.input_tokens": 9.5}', "wrong_type", "gen_ai.usage.input_tokens", ["input_tokens", "9.5"]),
            ('{"input_tokens": 1e30}', "out_of_range", "input_tokens", ["64 bits"]),
            ('{"cost_usd": "free"}', "wrong_type", "cost_usd", ["a number is needed"]),
            ('{"cost_usd": 1e999}', "out_of_range", "cost_usd", ["double"]),
            ('{"stream": "yes"}', "wrong_type", "stream", ["true or false"]),
            ('{"params": [1]}', "wrong_type", "params", ["an object is needed"]),
            ('{"options": {"a": 1}}', "wrong_type", "options", ["an array is needed"]),
            ('{"event": ["a"]}', "wrong_type", "event", ["a text is needed"]),
            ('{"ts": "yesterday"}', "bad_timestamp", "ts", ['"yesterday"', "ISO-8601"]),
            ('{"time": "0000-01-01T00:00:00Z"}', "bad_timestamp", "time", ["years 1 to 9999"]),
            ('{"a": 1, "a": 2}', "duplicate_key", "a", ['"a"', "twice"]),
            ('{"error": {"b": 1, "b": 2}}', "duplicate_key", "b", ['"b"', "twice"]),
            ("[1, 2]", "not_an_object", None, ["an array", "[1, 2]"]),
            ('"text"', "not_an_object", None, ["a text"]),
            ("17", "not_an_object", None, ["a number"]),
            ("null", "not_an_object", None, ["null"]),
            ("{}", "not_an_object", None, ["empty"]),
            ('{"é": tru}', "invalid_json", None, ["byte 7", "tru"]),
            ('{"a": "cut', "invalid_json", None, ["byte 6", "never ends"]),
            ('{"a": ', "invalid_json", None, ["ends in the middle"]),
            ("Killed", "invalid_json", None, ["byte 0", "Killed"]),
            ('{"error": 1, "a": ' + "[" * 5000 + "]" * 5000 + "}", "too_deep", None, ["nested"]),
            ('{"error": ' + "9" * 5000 + "}", "out_of_range", None, ["digits"]),
        ],
    )
    def test_the_code_the_key_the_value_and_the_next_step(
        self, line: str, code: str, field: str | None, words: list[str]
    ) -> None:
        """Each fault by its own code, with the key and what stood there."""
        found = said(line)
        assert (found.code, found.field) == (code, field)
        assert [word for word in words if word not in found.error] == []

    def test_a_long_value_is_shortened_and_the_line_is_whole(self) -> None:
        """The message is for reading; the raw line is kept apart."""
        line = json.dumps({"input_tokens": "x" * 10_000})
        found = said(line)
        assert len(found.error) < 400
        assert found.raw == line

    def test_a_line_that_is_not_utf8_is_said_to_be_so(self) -> None:
        """The byte and its place; the line is kept in base64."""
        found = said(b'{"a": "\xff"}')
        assert (found.code, found.raw_encoding) == ("invalid_utf8", "base64")
        assert "byte 7" in found.error

    @pytest.mark.parametrize("line", [b"", b"\n", b"  \t\r\n", b"\xef\xbb\xbf"])
    def test_a_blank_line_is_no_fault(self, line: bytes) -> None:
        """It is skipped silently."""
        assert explain(line, "src", 0, ALIASES) is None

    def test_a_line_without_fault_is_not_given_one(self) -> None:
        """When nothing is found, that is what is said."""
        found = said('{"event": "fine"}')
        assert found.code == "unsupported"
        assert "no rule says why" in found.error

    def test_the_fault_of_a_foreign_line_is_found_under_its_column(self) -> None:
        """What a dialect leaves wrong is explained as the decoder met it."""
        found = said('{"ecs.version": "1", "gen_ai.usage.input_tokens": "many"}')
        assert (found.code, found.field) == ("wrong_type", "gen_ai.usage.input_tokens")
        found = said('{"log": "{\\"duration_ms\\": \\"long\\"}", "stream": "stdout"}')
        assert (found.code, found.field) == ("wrong_type", "duration_ms")
