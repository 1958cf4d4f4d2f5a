"""How the demo is told: a page that reads well at 100 columns, in colour or without, or one JSON object."""

from __future__ import annotations

import dataclasses
import io
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deadreckon.cli.demo_run import Findings, Record
from deadreckon.cli.lines import room
from deadreckon.cli.output import console, dumps

WIDTH: Final = 100
QUESTION: Final = "select * from errors_by_version"
MARGIN: Final = 68
"""Commands up to this length have what they show in one column."""
Step = tuple[str, str]
"""A command to try next, and what it shows."""


def next_steps(found: Findings, lake: str, *, kept: bool) -> list[Step]:
    """Commands that work on the demo's lake; the first makes it stay, where it did not."""
    steps: list[Step] = []
    if not kept:
        lake = "demo-lake"
        steps.append((f"reckon demo --lake {lake}", "make this lake again, and keep it"))
    at = f"--lake {shlex.quote(lake)}"
    settings = os.path.relpath(found.settings_file) if kept else _settings_of(found, lake)
    if found.provenance:
        steps.append((f"reckon trace {found.provenance['request_id']} {at}", "that request as a tree"))
    for moved in [r for r in found.drifted if r["values"]][:1]:
        command = f"reckon drift explain --subject {moved['subject']}"
        sides = f"--reference {moved['reference']} --current {moved['current']}"
        steps.append((f"{command} {sides} {at}", "what moved, and where"))
    return [
        *steps,
        (f'reckon sql "{QUESTION}" {at}', "any question"),
        ("reckon views", "what can be asked"),
        (f"reckon alerts --state firing {at}", "what still fires"),
        (f"reckon monitor --as-of 2026-10-26 {at} --config {shlex.quote(settings)}", "for cron"),
        (f"reckon quarantine list {at}", "the lines that were refused"),
        (f"reckon dashboard {at}", "the same in a browser"),
    ]


def _settings_of(found: Findings, lake: str) -> str:
    # Generated settings live in the lake that will be gone: in the kept one they are found at the same place.
    parts = found.settings_file.parts
    if "_demo" in parts:
        return str(Path(lake, *parts[parts.index("_demo") :]))
    return os.path.relpath(found.settings_file)


def as_json(found: Findings, steps: Sequence[Step], *, indent: bool) -> None:
    """Print everything as one object."""
    facts = {f.name: getattr(found, f.name) for f in dataclasses.fields(found)}
    facts["next"] = [command for command, _ in steps]
    sys.stdout.write(dumps(facts, indent=indent))


def as_page(found: Findings, steps: Sequence[Step]) -> None:
    """Print the page."""
    text = io.StringIO()
    person = sys.stdout.isatty()
    out = console()
    if not person:
        out = Console(file=text, highlight=False, color_system=None, width=room(out) or WIDTH)
    _page(out, found, steps)
    # Rich fills its columns with blanks to the right, which a README or a diff does not want.
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _page(out: Console, found: Findings, steps: Sequence[Step]) -> None:
    out.print(Text("Three weeks of a support agent, told by its logs alone", style="bold"))
    _ingested(out, found)
    _provenance(out, found.provenance)
    _versions(out, found.versions)
    _tool(out, found.tool)
    _wasted(out, found.wasted)
    _drifted(out, found.drifted)
    _alerts(out, found)
    _heading(out, "Try next")
    width = max(len(command) for command, _ in steps if len(command) <= MARGIN)
    for command, what in steps:
        # One line each, however long: they are there to be copied.
        line = Text.assemble("  ", (command.ljust(width), "cyan"), ("  # " + what, "dim"))
        out.print(line, soft_wrap=True)


def _heading(out: Console, text: str, note: str = "") -> None:
    out.print()
    out.print(Text.assemble((text, "bold"), (f"  {note}" if note else "", "dim")))


def _ingested(out: Console, found: Findings) -> None:
    run, total = found.ingested, found.sources
    _heading(out, "Ingested, exactly once", f"a lake of {found.lake_bytes / 1e6:.1f} MB")
    rate = f"in {run['seconds']:.1f} s" if run["read_lines"] else "nothing new: it was all there"
    said = (
        f"{total['lines']:,} lines of {total['files']} logs, {total['events']:,} events, "
        f"{total['duplicates']} duplicates dropped; {rate}"
    )
    reasons = ", ".join(f"{r['lines']} {r['reason']}" for r in found.refused)
    for text in (said, f"{total['quarantined']} lines quarantined, with reasons: {reasons}"):
        out.print(Padding(text, (0, 0, 0, 2)))


def _provenance(out: Console, p: Record | None) -> None:
    if p is None:
        return
    _heading(out, "From a click to the data behind it", "one SQL query")
    role = f"{p['variant']}; {p['stage']} since {_when(p['stage_since'])[5:]}"
    lines = [
        ("click", f"{_when(p['clicked_at'])}, session {p['session_id']}"),
        ("request", f"{p['request_id']}, answered in {p['duration_ms'] / 1000:.1f} s for ${p['cost_usd']:.4f}"),
        (
            "model",
            f"{p['model']} {p['model_version']} as {role}",
        ),
        ("run", f"{p['run_id']}, commit {p['git_commit'][:10]}"),
        ("data", f"dataset {p['dataset']}, features {p['features']}, labels {p['labels']}"),
        ("how", f"{p['hyperparameters']}, {p['architecture']}, metrics {p['metrics']}, inference {p['inference']}"),
    ]
    if p["leaking_fold"]:
        lines.append(
            ("leak", f"fold {p['leaking_fold']} was trained until {p['train_end']} and tested from {p['test_start']}")
        )
    for depth, (name, text) in enumerate(lines):
        branch = "  " + ("" if depth == 0 else "  " * (depth - 1) + "└ ")
        row = Table.grid(padding=0)
        row.add_row(branch, Text.assemble((name, "bold red" if name == "leak" else "bold"), " ", text))
        row.columns[0].no_wrap = True
        row.columns[1].overflow = "fold"
        out.print(row)


def _versions(out: Console, rows: Sequence[Record]) -> None:
    _heading(out, "Latency and cost per model version")
    head = ("version", "role", "calls", "p50 ms", "p95 ms", "first token", "errors", "$ a call", "$ in all")
    worst = max((r["p95_ms"] for r in rows), default=None)
    cells: list[list[str | Text]] = [
        [
            r["model_version"],
            r["variant"],
            f"{r['calls']:,}",
            f"{r['p50_ms']:,.0f}",
            Text(f"{r['p95_ms']:,.0f}", style="bold red" if r["p95_ms"] == worst else ""),
            f"{r['ttft_p50_ms']:,.0f} ms",
            f"{r['error_rate']:.1%}",
            f"{r['cost_per_call_usd']:.5f}",
            f"{r['cost_usd']:.2f}",
        ]
        for r in rows
    ]
    _table(out, cells, head, right=range(2, 9))


def _tool(out: Console, rows: Sequence[Record]) -> None:
    if not rows:
        return
    _heading(out, f"The tool that fails: {rows[0]['tool']}")
    cells: list[list[str | Text]] = [
        [
            r["period"],
            f"{_day(r['from_date'])} to {_day(r['until_date'])}",
            f"{r['calls']:,}",
            str(r["failed"]),
            Text(f"{r['error_rate']:.1%}", style="bold red" if r["period"] == "during" else ""),
            r["error_type"] or "",
        ]
        for r in rows
    ]
    _table(out, cells, ("", "days", "calls", "failed", "error rate", "last error"), right=range(2, 5))


def _wasted(out: Console, rows: Sequence[Record]) -> None:
    _heading(out, "Paid for nothing", f"{sum(r['share_of_all'] for r in rows):.1%} of all cost")
    cells: list[list[str | Text]] = [
        [r["reason"], f"{r['calls']:,}", f"{r['cost_usd']:.2f}", f"{_day(r['worst_day'])}: {r['worst_day_usd']:.2f}"]
        for r in rows
    ]
    _table(out, cells, ("calls that ended in", "calls", "$", "worst day: $"), right=(1, 2))


def _drifted(out: Console, rows: Sequence[Record]) -> None:
    if not rows:
        return
    _heading(out, "Inputs that drifted", f"from profiles: {rows[0]['looked_at']} feature-days against the first week")
    cells: list[list[str | Text]] = [
        [
            r["subject"].partition(":")[2],
            _day(r["since"]),
            f"{r['ks']:.2f}",
            f"{r['far']:.2f}",
            *(
                (r["values"], f"{r['before']:.0%}", Text(f"{r['after']:.0%}", style="bold red"))
                if r["values"]
                else ("", "", "")
            ),
        ]
        for r in rows
    ]
    _table(
        out, cells, ("feature", "since", "KS that day", "by chance", "values", "before", "since"), right=(2, 3, 5, 6)
    )


def _alerts(out: Console, found: Findings) -> None:
    looked = f"{found.windows:,} windows evaluated, week by week" if found.windows else "evaluated before"
    _heading(out, "What the monitor said", looked)
    cells: list[list[str | Text]] = [
        [
            _when(r["fired_at"])[5:],
            Text(r["severity"], style="bold red" if r["severity"] == "critical" else "yellow"),
            Text.assemble((r["rule"], "bold"), f": {r['reason']}"),
            _then(r),
        ]
        for r in found.alerts
    ]
    _table(out, cells, ("fired", "", "rule and reason", "then"))


def _then(alert: Record) -> str:
    if alert["ended_as"] in ("no_data", "error"):  # nobody knows that it ended: it is open, as `reckon alerts` has it
        return f"still firing, {alert['ended_as'].replace('_', ' ')}"
    return f"{alert['ended_as']} {_when(alert['ended_at'])[5:]}" if alert["ended_as"] else "still firing"


def _table(
    out: Console,
    rows: Iterable[Sequence[str | Text]],
    head: Sequence[str] = (),
    *,
    right: Iterable[int] = (),
) -> None:
    rows = list(rows)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=bool(head), header_style="dim")
    numeric = set(right)
    for place in range(len(rows[0]) if rows else len(head)):
        name = head[place] if head else ""
        table.add_column(name, justify="right" if place in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    out.print(Padding(table, (0, 0, 0, 2)))


def _when(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M") if moment else ""


def _day(day: object) -> str:
    return str(day)[5:]
