"""Answers in every format: what a person reads, and what an agent can rely on."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.cli.output import Format, dumps, fail, markdown, show_record, show_rows, visible
from deadreckon.core.errors import LakeError

ODD = {
    "nan": float("nan"),
    "infinite": float("-inf"),
    "big": 2**100,
    "decimal": Decimal("1.50"),
    "bytes": b"\x00\xff",
    "when": datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    "day": date(1, 1, 1),
    "long": timedelta(seconds=1.5),
    "text": "é\x1b[31m|\n",
    "nothing": None,
    "nested": {"a": [1, float("nan")]},
    "name": "caf\udce9",
}
PLAIN = {
    "nan": None,
    "infinite": None,
    "big": 2**100,
    "decimal": 1.5,
    "bytes": "00ff",
    "when": "2026-01-02T03:04:05.000006+00:00",
    "day": "0001-01-01",
    "long": 1.5,
    "text": "é\x1b[31m|\n",
    "nothing": None,
    "nested": {"a": [1, None]},
    "name": "caf\udce9",
}


@pytest.mark.parametrize("key", ODD)
def test_json_takes_every_value(key: str) -> None:
    """What JSON has no form for becomes null, a number or text; nothing that a query can give fails."""
    assert json.loads(dumps({key: ODD[key]})) == {key: PLAIN[key]}
    assert json.loads(dumps(ODD))[key] == PLAIN[key]
    assert json.loads(dumps([ODD], indent=True))[0][key] == PLAIN[key]


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(st.characters()), max_size=5))
def test_json_is_json(value: dict[str, object]) -> None:
    """Any record of plain values comes back as it was, on one line."""
    text = dumps(value)
    assert json.loads(text) == value
    assert text.endswith("\n")
    assert text.count("\n") == 1


def test_json_carries_the_facts_beside_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """Count, what the caller adds, columns and rows as records."""
    show_rows(["a", "b"], [[1, None], [2, "x"]], Format.json, meta={"truncated": True})
    assert json.loads(capsys.readouterr().out) == {
        "count": 2,
        "truncated": True,
        "columns": ["a", "b"],
        "rows": [{"a": 1, "b": None}, {"a": 2, "b": "x"}],
    }


def test_lines_of_json_are_the_rows_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line, and nothing for no rows."""
    show_rows(["a"], [[1], [2]], Format.jsonl)
    assert capsys.readouterr().out == '{"a":1}\n{"a":2}\n'
    show_rows(["a"], [], Format.jsonl)
    assert capsys.readouterr().out == ""


def test_csv_survives_commas_quotes_and_newlines(capsys: pytest.CaptureFixture[str]) -> None:
    """Any CSV reader gives the values back; times are ISO-8601, nested values JSON."""
    show_rows(["a", "b"], [['x,"y"\n', datetime(2026, 1, 1, tzinfo=UTC)], [{"k": [1]}, None]], Format.csv)
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [["a", "b"], ['x,"y"\n', "2026-01-01T00:00:00+00:00"], ['{"k":[1]}', ""]]


def test_markdown_keeps_its_table_whole() -> None:
    """Bars and newlines in values do not break it, and numbers are on the right."""
    assert markdown(["a", "n"], [["x|y\nz", 1.5]]) == "| a | n |\n| --- | ---: |\n| x\\|y z | 1.5 |\n"


def test_a_table_spells_control_characters_out(capsys: pytest.CaptureFixture[str]) -> None:
    """What a log line holds must not move the reader's cursor or colour the terminal."""
    show_rows(["a"], [["red\x1b[31m\x07"]], Format.table)
    seen = capsys.readouterr()
    assert "red\\x1b[31m\\x07" in seen.out
    assert "1 row" in seen.err


def test_a_table_says_when_it_was_cut_short(capsys: pytest.CaptureFixture[str]) -> None:
    """What is beside the rows in JSON is under them in a table, on stderr."""
    show_rows(["a"], [[1], [2]], Format.table, meta={"as_of": "now", "truncated": True, "note": None})
    assert "2 rows (as_of now, truncated)" in capsys.readouterr().err


@pytest.mark.parametrize("format_", list(Format))
def test_a_record_in_every_format(format_: Format, capsys: pytest.CaptureFixture[str]) -> None:
    """One object in JSON, a line a key elsewhere."""
    show_record({"lake": "x", "events": 7}, format_)
    out = capsys.readouterr().out
    assert "lake" in out
    assert "7" in out
    if format_ in (Format.json, Format.jsonl):
        assert json.loads(out) == {"lake": "x", "events": 7}


def test_an_error_is_one_clean_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Libraries send theirs in colours and several lines; what else would move the cursor is spelled out."""
    error = LakeError("cannot commit: \x1b[31mGeneric\x1b[0m error:\n  \tno space left\n", hint="h\x07\nthen")
    assert fail(error, ["--format", "table"]) == 3
    assert capsys.readouterr().err == "error: cannot commit: Generic error: no space left\nhint: h\\x07 then\n"
    assert fail(error, ["--format", "json"]) == 3
    assert json.loads(capsys.readouterr().err)["error"]["message"] == "cannot commit: Generic error: no space left"


def test_numbers_stand_on_the_right_and_text_on_the_left(capsys: pytest.CaptureFixture[str]) -> None:
    """A column with any text in it is text; one of nothing but NULL too. No blanks are left at the ends of lines."""
    rows = [
        [1, "x", 1, None, True, "long"],
        [1000, "long", "mixed", None, False, ""],
        [None, None, None, None, None, ""],
    ]
    show_rows(["n", "text", "odd", "null", "bool", "last"], rows, Format.table)
    assert capsys.readouterr().out.splitlines() == [
        "   n  text  odd    null  bool   last",
        "   1  x     1            True   long",
        "1000  long  mixed        False",
        "",
    ]
    assert markdown(["n", "bool", "null"], [[1, True, None]]).splitlines()[1] == "| ---: | --- | --- |"


def test_a_table_too_wide_for_the_terminal_is_shown_row_by_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost: what is long goes on below, and a column without any value is named."""
    monkeypatch.setenv("COLUMNS", "50")
    rows = [["x" * 45, None, 1, None], ["y" * 60, "z" * 30, 2, None]]
    show_rows(["a", "longer", "c", "cost"], rows, Format.table)
    out, err = capsys.readouterr()
    assert [line.rstrip() for line in out.splitlines()] == [
        *(f"a       {'x' * 42}", f"        {'x' * 3}", "longer", "c       1", ""),
        *(f"a       {'y' * 42}", f"        {'y' * 18}", f"longer  {'z' * 30}", "c       2"),
    ]
    assert err.splitlines()[0] == "empty in all rows: cost"


@given(st.text())
def test_visible_text_has_no_control_characters(text: str) -> None:
    """Only tab and newline stay."""
    assert not [c for c in visible(text) if (ord(c) < 32 and c not in "\t\n") or 127 <= ord(c) < 160]
