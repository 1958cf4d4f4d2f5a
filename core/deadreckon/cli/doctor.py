"""`reckon doctor`: find and repair damage in the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deadreckon.cli.options import ConfigOption, FormatOption, LakeOption, settings_for
from deadreckon.cli.output import Format, chosen, console, show_rows

if TYPE_CHECKING:
    from deadreckon.core.doctor import Diagnosis

COLUMNS = ("kind", "severity", "table", "subject", "meaning", "risk", "remedy", "state", "said")


def command(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended; keep what is replaced.")] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Read every page of every data file, not only its end.")] = False,
    lake: LakeOption = None,
    config: ConfigOption = None,
    format_: FormatOption = None,
) -> int:
    """Find damage in the lake, explain it, and with --repair mend it.

    Works on a lake that nothing else can open. Without --repair nothing is written or removed. Exit code 0: healthy, or
    mended; 3: damage is left.

    Example: reckon doctor --repair
    """
    from deadreckon.core.doctor import doctor

    settings = settings_for(lake, config)
    found = doctor(settings.lake, settings, repair=repair, deep=deep)
    if chosen(format_) is Format.table:
        _tell(found, repair=repair)
    else:
        meta = {"healthy": found.healthy, "repair": repair, "kept_in": str(found.kept_in) if found.kept_in else None}
        show_rows(COLUMNS, _rows(found), chosen(format_), meta=meta)
    return 0 if found.healthy else 3


def _rows(found: Diagnosis) -> list[list[str]]:
    from deadreckon.core.doctor import as_dict

    rows = [[*as_dict(t.finding).values(), "mended" if t.done else "repair failed", t.said] for t in found.treatments]
    return rows + [[*as_dict(f).values(), "mendable" if f.mend else "found", ""] for f in found.findings]


def _tell(found: Diagnosis, *, repair: bool) -> None:
    out = console()
    for row in _rows(found):
        kind, severity, table, subject, meaning, risk, remedy, state, said = row
        colour = {"damage": "red", "waste": "yellow"}.get(severity, "cyan") if state != "mended" else "green"
        out.print(f"[bold {colour}]{kind}[/] ({severity}, {state}) ", end="")
        out.print("/".join(part for part in (table, subject) if part), markup=False, soft_wrap=True)
        for name, text in (("what", meaning), ("risk", risk), ("repair", remedy), ("done", said)):
            if text:
                out.print(f"  {name + ':':8}{text}", markup=False, soft_wrap=True)
    left = sum(f.severity == "damage" for f in found.findings)
    if found.kept_in:
        out.print(f"what was replaced is kept in {found.kept_in}", markup=False, soft_wrap=True)
    if found.healthy:
        out.print("the lake is healthy" + (" again" if found.treatments else ""))
    else:
        mendable = any(f.mend for f in found.findings) and not repair
        out.print(f"{left} damaged" + ("; reckon doctor --repair mends what can be mended" if mendable else ""))
