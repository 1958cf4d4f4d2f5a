"""`reckon demo`: the whole way, through the front door, with the figures of the story."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deadreckon.cli import main
from deadreckon.core.settings import Settings
from deadreckon.ingest import ingest
from deadreckon.queries import connect
from deadreckon.story import plot

ROOT = Path(__file__).parents[2]
Answers = dict[str, Any]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo of this module lives."""
    return tmp_path_factory.mktemp("demo") / "demo lake"


@pytest.fixture(scope="module")
def found(lake: Path) -> dict[str, Any]:
    """All figures of the first run."""
    return run_json(["--lake", str(lake)])


def run_json(options: list[str], *, rooms: list[Path] | None = None, **environ: str) -> dict[str, Any]:
    """Run the demo in a process of its own and return the object that it prints."""
    paths = rooms or [ROOT / room for room in ("core", "ingest", "queries", "monitor")]
    code = "import sys; from deadreckon.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "demo", "--format", "json", *options],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))} | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def facts(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures that the lake decides, without those of one run."""
    return {
        k: rounded(figures[k])
        for k in ("sources", "refused", "provenance", "versions", "tool", "wasted", "drifted", "alerts")
    }


def rounded(value: Any) -> Any:
    """Sums of doubles by several threads differ in their last digits from run to run: nine are compared."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def test_what_was_ingested(found: dict[str, Any], answers: Answers) -> None:
    """Lines, events, duplicates and refused lines are the story's."""
    refused = {r["reason"]: r["lines"] for r in found["refused"]}
    assert refused == answers["quarantined"]
    assert found["sources"] == {
        "files": len(answers["files"]),
        "lines": answers["lines"],
        "events": answers["events"],
        "duplicates": answers["duplicates"],
        "quarantined": sum(refused.values()),
    }


def test_chain_from_a_click(found: dict[str, Any], answers: Answers) -> None:
    """The click leads to the run and the dataset of the story, and to its leaking fold."""
    chain, expected = found["provenance"], answers["provenance"]
    assert (chain["request_id"], chain["run_id"]) == (expected["request_id"], expected["run_id"])
    assert chain["dataset"] == expected["versions"]["dataset"]
    assert chain["leaking_fold"] == answers["leak"]["leaks"][0]["fold"]


def test_versions_and_waste(found: dict[str, Any], answers: Answers) -> None:
    """Calls and cost by version and by reason of waste adds up to the story's."""
    for version, expected in answers["versions"].items():
        rows = [r for r in found["versions"] if r["model_version"] == version]
        assert sum(r["calls"] for r in rows) == expected["calls"]
        assert sum(r["cost_usd"] for r in rows) == pytest.approx(expected["cost_usd"])
    assert {r["reason"]: r["calls"] for r in found["wasted"]} == {k: v["calls"] for k, v in answers["wasted"].items()}


def test_tool_that_fails(found: dict[str, Any], answers: Answers) -> None:
    """The tool is found without being told, with its bad days and nothing but those."""
    assert {r["tool"] for r in found["tool"]} == {answers["failing_tool"]["tool"]}
    during = next(r for r in found["tool"] if r["period"] == "during")
    assert (during["from_date"], during["until_date"]) == ("2026-10-13", "2026-10-14")
    assert all(r["error_rate"] < 0.05 for r in found["tool"] if r is not during)


def test_alerts_tell_the_story_and_no_other(found: dict[str, Any]) -> None:
    """Each planted fault fires on its day, within a day; nothing fires in the quiet days."""
    told = {
        (a["rule"], (json.loads(a["labels"]) or {}).get("model_version"), a["fired_at"][:10]) for a in found["alerts"]
    }
    assert told == {
        ("tool failing", None, "2026-10-13"),
        ("model answers unusable", "1.5.0", "2026-10-16"),
        ("answers slow", "1.5.0", "2026-10-16"),
        ("cost of the day", None, "2026-10-17"),
        ("customers changed", None, "2026-10-20"),
        ("answers slow", "1.6.0", "2026-10-21"),
    }


def test_again_on_the_same_lake_doubles_nothing(found: dict[str, Any], lake: Path) -> None:
    """A second run reads no line, evaluates no window, and finds the very same figures."""
    again = run_json(["--lake", str(lake)])
    assert facts(again) == facts(found)
    assert (again["ingested"]["read_lines"], again["windows"]) == (0, 0)
    con = connect(lake, settings=Settings())
    assert con.execute("select count(*), count(distinct event_id) from events where kind = 'alert'").fetchone() == (
        con.execute("select count(*), count(*) from alert_history").fetchone()
    )
    con.close()


def test_what_drifted(found: dict[str, Any]) -> None:
    """The feature that drifts is found on its day, and the one that goes with it: who is new has no tickets."""
    day = datetime.fromtimestamp(plot.DRIFT_FROM / 1e6, UTC).date().isoformat()
    drifted = {r["subject"]: r for r in found["drifted"]}
    assert {name: r["since"] for name, r in drifted.items()} == {
        f"feature:{plot.DRIFT_FEATURE}": day,
        "feature:prior_tickets": day,
    }
    for r in drifted.values():
        assert r["before"] < 0.15
        assert abs(r["after"] - plot.NEWCOMERS) < 0.1
    assert drifted["feature:prior_tickets"]["values"] == "0"


def test_page_reads_well_in_plain_text(found: dict[str, Any], lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Piped, the page is plain text of at most 100 columns (commands aside), with the figures of the lake."""
    assert main(["demo", "--lake", str(lake)]) == 0
    page = capsys.readouterr().out
    body, _, steps = page.partition("Try next")
    assert "\x1b" not in page
    assert all(len(line) <= 100 and line == line.rstrip() for line in body.splitlines())
    assert f"{found['sources']['events']:,} events" in body
    assert found["provenance"]["run_id"] in body
    assert "nothing new" in body
    assert len(steps.strip().splitlines()) == len(found["next"])


def test_page_fits_a_narrow_terminal(
    lake: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 80 columns what goes on below stays in its place: only headings begin at the margin."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["demo", "--lake", str(lake)]) == 0
    body = capsys.readouterr().out.partition("Try next")[0]
    assert all(len(line) <= 80 for line in body.splitlines())
    paragraphs = body.strip().split("\n\n")
    assert all(line.startswith("  ") for paragraph in paragraphs for line in paragraph.splitlines()[1:])


def test_every_command_it_suggests_works(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Each next step is a command line that does what it says; the monitor's exit code says that something fires."""
    for line in found["next"]:
        words = shlex.split(line)
        if words[1] == "dashboard":
            continue  # opens a browser; the dashboard's own tests drive it
        assert words[0] == "reckon"
        assert main(words[1:]) == (1 if words[1] == "monitor" else 0), line
        out = capsys.readouterr().out
        assert out.strip(), line


def test_temporary_lake_goes(tmp_path: Path) -> None:
    """Without --lake nothing is left behind, and the user's own lake is not touched."""
    figures = run_json([], TMPDIR=str(tmp_path), DEADRECKON_LAKE=str(tmp_path / "own"))
    assert figures["next"][0] == "reckon demo --lake demo-lake"
    assert list(tmp_path.iterdir()) == []


def test_installed_package_tells_the_same_story(found: dict[str, Any], tmp_path: Path) -> None:
    """Without a checkout beside it, the demo generates the same logs and comes to the same figures, twice."""
    site, temporary = tmp_path / "site", tmp_path / "tmp"
    temporary.mkdir()
    for room in ("core", "ingest", "queries", "monitor"):
        shutil.copytree(ROOT / room / "deadreckon", site / "deadreckon", dirs_exist_ok=True)
    first = run_json(["--keep"], rooms=[site], TMPDIR=str(temporary))
    (lake,) = temporary.iterdir()
    assert facts(first) == facts(found)
    assert Path(first["settings_file"]).is_relative_to(lake)
    assert f"--lake {lake}" in first["next"][0]
    again = run_json(["--lake", str(lake)], rooms=[site])
    assert (again["ingested"]["read_lines"], facts(again)) == (0, facts(found))


@pytest.mark.fault
def test_killed_halfway_and_run_again(found: dict[str, Any], tmp_path: Path) -> None:
    """Killed after ingest, while the monitor is at work, and run again: the figures are those of an undisturbed run."""
    lake = tmp_path / "lake"
    code = "import sys; from deadreckon.cli import main; sys.exit(main(sys.argv[1:]))"
    rooms = os.pathsep.join(str(ROOT / room) for room in ("core", "ingest", "queries", "monitor"))
    with subprocess.Popen(
        [sys.executable, "-c", code, "demo", "--lake", str(lake)],
        env=os.environ | {"PYTHONPATH": rooms},
        stdout=subprocess.DEVNULL,
    ) as running:
        while running.poll() is None and not (lake / "alert_states" / "_delta_log").is_dir():
            time.sleep(0.02)
        running.kill()
    assert facts(run_json(["--lake", str(lake)])) == facts(found)


def test_story_that_retention_took(
    found: dict[str, Any], lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a lake whose old days are gone the demo tells what is left, and brings nothing back."""
    assert found
    lake = shutil.copytree(lake, tmp_path / "lake")
    short = tmp_path / "short.toml"
    short.write_text("[maintain]\nretention_days = 1\n")
    assert main(["maintain", "--lake", str(lake), "--config", str(short)]) == 0
    capsys.readouterr()
    assert main(["demo", "--lake", str(lake)]) == 0
    page = capsys.readouterr().out
    assert "From a click" not in page
    assert "Try next" in page


def test_refuses_a_lake_with_other_events(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A lake that holds someone's own events is left alone, with a hint."""
    log = tmp_path / "app.jsonl"
    log.write_text('{"ts": "2026-11-01T00:00:00Z", "event": "mine", "service": "shop"}\n')
    ingest([log], tmp_path / "lake", settings=Settings())
    assert main(["demo", "--lake", str(tmp_path / "lake"), "--format", "json"]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert "not the demo's" in error["message"]
    assert "--lake demo-lake" in error["hint"]


def test_refuses_a_folder_of_other_things(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with files in it that is no lake is not filled."""
    (tmp_path / "thesis.txt").write_text("mine")
    assert main(["demo", "--lake", str(tmp_path), "--format", "json"]) == 2
    assert "holds no lake" in json.loads(capsys.readouterr().err)["error"]["message"]
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_refuses_formats_that_a_page_has_not(capsys: pytest.CaptureFixture[str]) -> None:
    """CSV of a page would be nonsense: a usage error names what there is."""
    assert main(["demo", "--format", "csv"]) == 2
    assert "--format json" in capsys.readouterr().err
