"""What the demo does: ingest the sample logs, profile, let the monitor look back week by week, ask the questions."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

from deadreckon.core.errors import DataError, UsageError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings, load

Record = dict[str, Any]

OWN_FOLDER: Final = "_demo"
"""Where a lake keeps the sample logs that were generated for it, so that a second run finds the same files."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the demo found out; each list is the rows of one question, by column."""

    settings_file: Path
    ingested: Record
    """This run: lines read, committed, duplicates, quarantined, bytes, seconds; all 0 when everything was there."""
    sources: Record
    refused: list[Record]
    provenance: Record | None
    """None where the lake no longer has those events: retention took them."""
    versions: list[Record]
    tool: list[Record]
    wasted: list[Record]
    drifted: list[Record]
    """Input features that are far from their first week, since when, and which values moved."""
    alerts: list[Record]
    windows: int
    """Windows that the monitor evaluated in this run."""
    lake_bytes: int
    seconds: float


def play(place: Path, report: Callable[[str], None]) -> Findings:
    """Make the demo's lake at a folder, or find it there, and ask everything; `report` is told what is being done.

    Raises:
        UsageError: the folder holds a lake with other events, or is no place for one.
    """
    from deadreckon.ingest import ingest
    from deadreckon.profiles import profile
    from deadreckon.queries.sandbox import Sandbox

    began = time.monotonic()
    _refuse_others(place)
    report("finding the sample logs")
    logs, settings_file = story_files(place)
    # The environment and ./deadreckon.toml speak of the user's own lake, which the demo must never touch.
    settings = load(settings_file, overrides={"lake": str(place)}, environ={})
    report("ingesting three weeks of logs")
    summary = ingest([logs], place, settings=settings)
    report("profiling")
    profile(Lake.open(place))
    report("evaluating the monitor's rules, week by week")
    windows = _look_back(Lake.open(place), settings)
    report("asking")
    with Sandbox(settings) as sandbox:

        def ask(question: str) -> list[Record]:
            sql = (resources.files("deadreckon.story") / "questions" / f"{question}.sql").read_text("utf-8")
            answer = sandbox.query(sql)
            return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]

        return Findings(
            settings_file=settings_file,
            ingested=summary.as_dict(),
            sources=ask("sources")[0],
            refused=ask("refused"),
            provenance=next(iter(ask("provenance")), None),
            versions=ask("versions"),
            tool=ask("failing_tool"),
            wasted=ask("wasted"),
            drifted=[row | _moved(settings, row) for row in ask("drifted")],
            alerts=ask("alerts"),
            windows=windows,
            lake_bytes=sum(f.size for f in Lake.open(place).snapshot().files),
            seconds=round(time.monotonic() - began, 3),
        )


def story_files(place: Path) -> tuple[Path, Path]:
    """The folder of logs and the settings file: the committed ones in a checkout, else the same bytes, generated."""
    checkout = Path(__file__).resolve().parents[3] / "sample_logs"
    if (checkout / "generate.py").exists() and (checkout / "logs").is_dir():
        return checkout / "logs", checkout / "deadreckon.toml"
    from deadreckon.story import tell

    folder = place / OWN_FOLDER
    tell().write(folder)
    return folder / "logs", folder / "deadreckon.toml"


def _refuse_others(place: Path) -> None:
    if not (place / "events" / "_delta_log").is_dir():
        if place.is_dir() and any(p.name not in (OWN_FOLDER, "_locks") for p in place.iterdir()):
            raise UsageError(f"{place} is not empty and holds no lake", hint="name a new folder: --lake demo-lake")
        return
    from deadreckon.queries import connect

    con = connect(place, settings=Settings(lake=str(place)))
    try:
        foreign = con.execute(
            "SELECT count(*) FROM events WHERE kind <> 'alert' AND coalesce(service, '') NOT LIKE 'tern-%'"
        ).fetchone()
    finally:
        con.close()
    if foreign and foreign[0]:
        raise UsageError(
            f"the lake {place} holds {foreign[0]:,} events that are not the demo's",
            hint="name a new folder: --lake demo-lake",
        )


def _moved(settings: Settings, drifted: Record) -> Record:
    """What moved most since the day that a feature drifted, as `reckon drift explain` says it."""
    from deadreckon.drift.explain import explain
    from deadreckon.drift.selection import selection
    from deadreckon.drift.subject import subject
    from deadreckon.queries import connect

    said: Record = {"reference": f"..{drifted['since']}", "current": f"{drifted['since']}.."}
    try:
        with connect(settings=settings) as con:
            sides = selection(said["reference"]), selection(said["current"])
            (most,) = explain(con, subject(drifted["subject"]), *sides).moved(1)
    except DataError:  # retention took those events; the profiles know of them still
        return said | dict.fromkeys(("values", "before", "after"))
    # The edges of a group may lie beside 0, by as little as a double can.
    low, high = (None if edge is None else f"{round(edge, 9) + 0.0:g}" for edge in (most.low, most.high))
    values = low if low == high else f"{low} to {high}" if low and high else most.label
    return said | {"values": values, "before": most.reference, "after": most.current}


def _look_back(lake: Lake, settings: Settings) -> int:
    """Evaluate the rules as of the end of each week of the story, as cron would have; the windows that were due."""
    from deadreckon.cli.alert_events import tell
    from deadreckon.monitor import load_rules, run
    from deadreckon.monitor.asking import asker
    from deadreckon.story import plot

    rules = load_rules(settings.rules)
    now = datetime.now(UTC)
    windows = 0
    for day in range(7, plot.DAYS + 1, 7):
        report = run(
            lake,
            rules,
            lambda: asker(lake, settings),
            as_of=(plot.START + day * plot.DAY) / 1e6,
            now=now.timestamp(),
            since=plot.START / 1e6,
        )
        windows += report.windows
    tell(lake, settings, now)
    return windows
