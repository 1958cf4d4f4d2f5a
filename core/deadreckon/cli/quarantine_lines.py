"""Refused lines as people read them: how many by reason and input, then two lines for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from rich.text import Text

from deadreckon.cli.lines import Column, draw, put, room
from deadreckon.cli.output import console, one_line, say, visible
from deadreckon.core.words import counted

if TYPE_CHECKING:
    import duckdb

    from deadreckon.core.lake import Snapshot
    from deadreckon.ingest.refused import Line, Refused

SUMMED: Final = 10
"""Pairs of reason and input that are counted above the lines, at most."""
NAMED: Final = 3
"""Lines that a replay cannot read and that are named, at most."""


def draw_refused(con: duckdb.DuckDBPyConnection, refused: Refused, limit: int) -> int:
    """Print the open lines, at most `limit` of them, under their sums; how many were printed."""
    open_, _ = refused.count()
    if not open_:
        say("no line is refused")
        return 0
    out = console()
    pairs = con.execute(  # where `refused` keeps what is open
        "SELECT error_code, source_path, count(*) AS found FROM still GROUP BY ALL ORDER BY found DESC, 1, 2"
    ).fetchall()
    cells = [[Text(code), Text(visible(path or "")), Text(f"{n:,}")] for code, path, n in pairs[:SUMMED]]
    draw(out, (Column("code"), Column("input", least=12), Column("lines", right=True)), cells, room(out))
    if pairs[SUMMED:]:
        rest = counted(sum(n for *_, n in pairs[SUMMED:]), "line")
        out.print(f"and {rest} more, in {len(pairs) - SUMMED:,} pairs of code and input", soft_wrap=True)
    out.print()
    listed = refused.listed(limit)
    put(out, _cut([line for each in listed for line in _two(each)], room(out)))
    say(f"{counted(open_, 'line')} open; reckon quarantine show ID has one whole")
    return len(listed)


def say_not_replayable(con: duckdb.DuckDBPyConnection, snapshot: Snapshot, ids: Sequence[str]) -> None:
    """Name the open lines, of these ids or of all, that no replay can read: the first few, with the reason."""
    from deadreckon.ingest.refused import Refused

    none = Refused(con, snapshot, ids=ids).count()[1]
    if not none:
        return  # closed by another meanwhile
    found = con.execute("SELECT quarantine_id FROM still WHERE no_line ORDER BY ingested_at, 1").fetchmany(NAMED)
    for line in Refused(con, snapshot, ids=[row[0] for row in found]).lines():
        where = visible(f"{line.quarantine_id}  {line.source_path or ''}")
        say(f"not replayable: {where}  {line.error_code}: {one_line(line.error)}")
    more = f"; {none - NAMED:,} more: reckon quarantine list" if none > NAMED else ""
    say(f"hint: no whole line was kept; read the input again by other means, then reckon quarantine drop ID{more}")


def _two(line: Line) -> list[Text]:
    """Its id, input and reason; then how it begins, or where there is no line the rest of the reason."""
    name = PurePath(line.source_path or "").name
    reason = f"{line.error_code}: {line.error}" if line.raw else line.error_code
    head = Text.assemble((visible(line.quarantine_id), "bold"), f"  {visible(name)}  {one_line(reason)}")
    return [head, Text(f"    {one_line(line.text if line.raw else line.error)}", style="dim")]


def _cut(lines: list[Text], width: int | None) -> list[Text]:
    for line in lines:
        if width is not None:
            line.truncate(width, overflow="ellipsis")
    return lines
