"""Rows as lines: aligned, never wider than the terminal, and never wrapped where a column is to be cut."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from deadreckon.cli.lines import Column, draw, fitted, laid, room

NAMES = (Column("rule", least=8), Column("value", right=True), Column("since"))


def drawn(columns: tuple[Column, ...], rows: list[list[str]], width: int | None) -> list[str]:
    """The lines as printed, with the columns' names."""
    out = Console(file=io.StringIO(), width=1000, color_system=None)
    draw(out, columns, [[Text(cell) for cell in row] for row in rows], width)
    return out.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_columns_are_aligned_and_leave_no_blanks_behind() -> None:
    """Text on the left, numbers on the right, two blanks in between."""
    assert drawn(NAMES, [["slow", "9", "now"], ["very slow", "1,000", ""]], 80) == [
        "rule       value  since",
        "slow           9  now",
        "very slow  1,000",
    ]


def test_the_widest_column_that_may_is_cut() -> None:
    """An ellipsis says that there is more; what may not be cut stays whole."""
    assert drawn(NAMES, [["a rule of many words", "812", "2026-10-05"]], 28) == [
        "rule       value  since",
        "a rule o…    812  2026-10-05",
    ]


def test_a_column_may_go_on_below() -> None:
    """In its own place, so that the next column stays where it was."""
    columns = (Column("name"), Column("meaning", least=5, wrap=True))
    assert drawn(columns, [["a", "one two three"]], 14) == ["name  meaning", "a     one two", "      three"]


def test_without_a_terminal_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file has no width, unless COLUMNS gives it one."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert room(Console(file=io.StringIO())) is None
    assert drawn(NAMES, [["x" * 300, "1", "now"]], None)[1] == "x" * 300 + "      1  now"
    monkeypatch.setenv("COLUMNS", "90")
    assert room(Console(file=io.StringIO())) == 90


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=5), st.integers(1, 60))
def test_no_line_is_wider_than_asked(rows: list[tuple[str, str, str]], width: int) -> None:
    """Whatever is in the cells: newlines, wide letters, nothing. A row without a wrapping column is one line."""
    out = Console(file=io.StringIO(), width=1000)
    texts = [[Text(cell) for cell in row] for row in rows]
    found = list(laid(out, NAMES, texts, width))
    assert [len(lines) for lines in found] == [1] * len(rows)
    wrapping = laid(out, (*NAMES[:2], Column("since", least=3, wrap=True)), texts, width)
    assert all(cell_len(line.plain) <= width for lines in [*found, *wrapping] for line in lines)


def test_columns_that_cannot_give_keep_their_width() -> None:
    """The line as a whole is cut then."""
    assert fitted(NAMES, [20, 10, 20], 30) == [8, 10, 20]
    assert drawn((Column("a"), Column("b")), [["xxxx", "yyyy"]], 8) == ["a     b", "xxxx  y…"]
