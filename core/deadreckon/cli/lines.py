"""Rows as lines of a terminal: where room is short, a column is cut with an ellipsis or goes on below, as it says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from rich.console import Console
from rich.text import Text

GAP: Final = 2
"""Blanks between two columns."""

_AT_ONCE: Final = 100
"""Lines that are printed by one call: a call costs more than a line."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and how it gives way.

    Attributes:
        name: what stands above it, where names are shown.
        right: whether its cells stand at its right side, as numbers do.
        least: the cells that stay to it where room is short; None for a column that is never made narrower.
        wrap: whether it goes on below where it is too long, and is not cut.
    """

    name: str = ""
    right: bool = False
    least: int | None = None
    wrap: bool = False


def room(out: Console) -> int | None:
    """The cells of a line; None where lines go to a file or a program, which have no width."""
    return out.width if out.is_terminal or os.environ.get("COLUMNS") else None


def draw(
    out: Console, columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int | None, *, names: bool = True
) -> None:
    """Print rows under the columns' names, in at most `width` cells a line; None is as wide as they are."""
    head = [[Text(column.name, style="bold") for column in columns]] if names else []
    drawn = chain.from_iterable(laid(out, columns, [*head, *rows], width))
    while lines := list(islice(drawn, _AT_ONCE)):
        put(out, lines)


def put(out: Console, lines: Sequence[Text]) -> None:
    """Print lines as they are: nothing is wrapped, and no blanks are left at their ends."""
    for line in lines:
        line.rstrip()
    out.print(Text("\n").join(lines), soft_wrap=True)


def laid(
    out: Console, columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int | None
) -> Iterator[list[Text]]:
    """The lines of each row: one, but where a column that wraps goes on below. None is wider than `width`."""
    cells = [[c if col.wrap else _flat(c) for c, col in zip(row, columns, strict=True)] for row in rows]
    wanted = [max((_cells(row[i]) for row in cells), default=0) for i in range(len(columns))]
    widths = wanted if width is None else fitted(columns, wanted, width)
    for row in cells:
        parts = [_cell(out, *of) for of in zip(row, columns, widths, strict=True)]
        lines = []
        for number in range(max(map(len, parts), default=0)):
            line = Text(" " * GAP).join(
                part[number] if number < len(part) else Text(" " * wide)
                for part, wide in zip(parts, widths, strict=True)
            )
            line.rstrip()
            if width is not None:
                line.truncate(width, overflow="ellipsis")
            lines.append(line)
        yield lines


def fitted(columns: Sequence[Column], wanted: Sequence[int], width: int) -> list[int]:
    """The columns' widths: of those that give way, the widest is narrowed until all fit or none can give more."""
    widths = [min(w, width) for w in wanted]
    for _ in range(sum(widths) + GAP * (len(widths) - 1) - width):
        able = [i for i, column in enumerate(columns) if column.least is not None and widths[i] > column.least]
        if not able:
            break
        widths[max(able, key=lambda i: widths[i])] -= 1
    return widths


def _cells(text: Text) -> int:
    return max((line.cell_len for line in text.split("\n")), default=0)


def _flat(text: Text) -> Text:
    return Text(" ").join(text.split()) if "\n" in text.plain else text


def _cell(out: Console, text: Text, column: Column, width: int) -> list[Text]:
    fits = not column.wrap or (text.cell_len <= width and "\n" not in text.plain)  # wrapping costs, and is rare
    parts = [text.copy()] if fits or width < 1 else list(text.wrap(out, width, overflow="fold"))
    for part in parts:
        part.rstrip()
        part.truncate(width, overflow="ellipsis")
        part.pad_left(width - part.cell_len) if column.right else part.pad_right(width - part.cell_len)
    return parts
