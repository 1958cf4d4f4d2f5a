"""`reckon monitor` and `reckon alerts`: exit codes, output, and alerts that are events."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import datetime, timedelta

import pytest
from tests.monitor.commands import configure, reckon
from tests.monitor.lakes import add, calls, event, make

from deadreckon.cli import main
from deadreckon.core.lake import Lake
from deadreckon.monitor import load_rules
from deadreckon.monitor.metrics import documented as metrics
from deadreckon.monitor.rules import documented as keys
from deadreckon.queries import connect

AT = "2026-10-01T12:00:00Z"
SLOW = """
[[rules]]
name = "slow"
metric = "latency_p95_ms"
window = "5m"
above = 2000
group_by = ["model_version"]
severity = "critical"
summary = "p95 of {model_version} is {value:.0f} ms over {window}"
runbook = "https://example.org/slow"
labels = { team = "agents" }
"""
BAD = '[[rules]]\nname = "bad"\nsql = "SELECT modle AS value FROM events"\nwindow = "5m"\nabove = 0\n'
QUIET = '[[rules]]\nname = "quiet"\nmetric = "tool_error_rate"\nwindow = "5m"\nabove = 0.1\n'
WAIT = '[[rules]]\nname = "wait"\nmetric = "event_count"\nwindow = "5m"\nabove = 1\nfor = "5m"\n'
FINE = '[[rules]]\nname = "fine"\nmetric = "event_count"\nwindow = "5m"\nbelow = 1\n'


@pytest.fixture
def folder(tmp_path):
    """A lake in which version v2 is slow."""
    make(
        tmp_path / "lake",
        [*calls(-200, 20, model_version="v1"), *calls(-200, 20, model_version="v2", duration_ms=5000.0)],
    )
    return tmp_path


@pytest.mark.parametrize(
    ("rules", "options", "code"),
    [
        (FINE, [], 0),
        (SLOW, [], 1),
        (BAD, [], 2),
        (QUIET, [], 3),
        (SLOW + BAD + QUIET, [], 1),
        (BAD + QUIET, [], 2),
        (WAIT, [], 0),
        (WAIT, ["--fail-on", "pending"], 1),
        (SLOW + QUIET, ["--fail-on", "no_data"], 3),
        (SLOW + BAD + QUIET, ["--fail-on", "none"], 0),
        (SLOW + FINE, ["--rule", "fine"], 0),
    ],
)
def test_the_exit_code_says_how_things_stand(folder, rules, options, code):
    """1 firing, else 2 an impossible rule, else 3 data missing, else 0; narrowed by --fail-on and --rule."""
    configure(folder, rules)
    assert reckon("monitor", "--as-of", AT, "--dry-run", *options, folder=folder)[0] == code


def test_the_past_is_not_evaluated_again(folder):
    """Asked for an earlier time, or for history that was passed, it says of when the states are that it shows."""
    configure(folder, SLOW)
    _, _, first = reckon("monitor", "--as-of", AT, folder=folder)
    _, answer, earlier = reckon("monitor", "--as-of", "2026-10-01T11:00:00Z", folder=folder)
    _, _, since = reckon("monitor", "--as-of", AT, "--since", "2026-09-30", folder=folder)
    assert "these are the states of" not in first
    assert {r["state"] for r in answer["rows"]} == {"ok", "firing"}
    assert "these are the states of 2026-10-01 12:00 UTC" in earlier
    assert "--since is where a rule begins that was never evaluated" in since


def test_what_changed_is_an_event_in_the_lake_once(folder):
    """An alert event carries its rule, state, value and labels, joins by version, and is there once however often."""
    configure(folder, SLOW)
    code, answer, _ = reckon("monitor", "--as-of", AT, folder=folder)
    assert code == 1
    assert {r["labels"]["model_version"]: r["state"] for r in answer["rows"]} == {"v1": "ok", "v2": "firing"}
    assert (answer["transitions"], answer["alerts_written"], answer["windows"]) == (1, 1, 1)
    code, answer, _ = reckon("monitor", "--as-of", AT, folder=folder)
    assert (code, answer["transitions"], answer["alerts_written"], answer["windows"]) == (1, 0, 0, 0)
    with connect(folder / "lake") as con:
        columns = "ts, event, level, name, label, value, model_version, reason, labels, attributes, event_id, source_id"
        rows = con.execute(f"SELECT {columns} FROM events WHERE kind = 'alert'").fetchall()
    assert len(rows) == 1
    ts, event, level, name, label, value, version, reason, labels, attributes, event_id, source_id = rows[0]
    assert ts.isoformat() == "2026-10-01T12:00:00+00:00"
    assert (event, level, name, label, value, version) == ("alert.firing", "critical", "slow", "firing", 5000.0, "v2")
    assert reason == "p95 of v2 is 5000 ms over 5m"
    assert json.loads(labels) == {"team": "agents", "model_version": "v2"}
    assert json.loads(attributes)["runbook"] == "https://example.org/slow"
    assert event_id.split("-")[2][0] == "8"
    assert source_id
    assert list((folder / "lake" / "_alerts").glob("*")) == []


def test_alerts_lists_what_the_monitor_left(folder):
    """Now by state, and history; it evaluates nothing and says when the monitor looked last."""
    configure(folder, SLOW)
    code, _, err = reckon("alerts", folder=folder)
    assert code == 3
    assert "never ran" in err
    reckon("monitor", "--as-of", AT, folder=folder)
    code, answer, _ = reckon("alerts", "--state", "firing", folder=folder)
    assert code == 0
    assert [(r["rule"], r["state"], r["labels"]["model_version"]) for r in answer["rows"]] == [("slow", "firing", "v2")]
    assert answer["as_of"]
    reckon("monitor", "--as-of", "2026-10-01T12:05:00Z", folder=folder)
    _, answer, _ = reckon("alerts", "--history", folder=folder)
    told = [(r["labels"]["model_version"], r["previous"], r["state"]) for r in answer["rows"]]
    assert told == [("v2", "firing", "no_data"), ("v1", "ok", "no_data"), ("v2", None, "firing")]
    _, answer, _ = reckon("alerts", "--history", "--limit", "1", folder=folder)
    assert (answer["count"], answer["total"], answer["truncated"]) == (1, 3, True)


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["--as-of", "yesterday"], "is not a time", "2026-11-20T12:00:00Z"),
        (["--as-of", "9999-12-31T23:59:59Z"], "in the future", ""),
        (["--rule", "slwo"], "no rule 'slwo'", "slow"),
        (["--fail-on", "fire"], "knows no 'fire'", "firing"),
    ],
)
def test_wrong_usage_is_exit_code_2_with_the_next_step(folder, arguments, message, hint):
    """Times, rules and states that make no sense are named, as JSON where JSON is read."""
    configure(folder, SLOW)
    code, _, err = reckon("monitor", *arguments, folder=folder)
    error = json.loads(err)["error"]
    assert code == 2
    assert message in error["message"]
    assert hint in error["hint"]


def test_a_wrong_rule_is_exit_code_2(folder):
    """A misspelt key stops the run before anything is evaluated."""
    configure(folder, SLOW.replace("above", "abvoe"))
    code, _, err = reckon("monitor", folder=folder)
    assert code == 2
    assert "unknown key 'abvoe'" in err
    assert "above" in err


def test_no_rules_and_no_lake_are_said(tmp_path):
    """Without rules exit code 2, without a lake 3: neither is healthy."""
    configure(tmp_path, "")
    assert reckon("monitor", folder=tmp_path)[0] == 2
    configure(tmp_path, SLOW)
    code, _, err = reckon("monitor", folder=tmp_path)
    assert code == 3
    assert "no lake" in err


def test_times_are_utc_unless_they_say_otherwise(folder):
    """The same moment in another offset evaluates the same window."""
    configure(folder, SLOW)
    for text in ("2026-10-01T14:00:00+02:00", "2026-10-01 12:00", "2026-10-01T12:04:59.9"):
        _, answer, _ = reckon("monitor", "--dry-run", "--as-of", text, folder=folder)
        assert {r["window_end"] for r in answer["rows"]} == {"2026-10-01T12:00:00+00:00"}


def test_alerts_that_cannot_be_told_are_kept_and_told_by_the_next_run(folder):
    """The states are said and committed, the exit code is 4 where nothing worse is wrong, and nothing is lost."""
    configure(folder, FINE.replace("below = 1", "below = 1000"))
    blocked = folder / "lake" / "_alerts"
    blocked.write_text("a file where a folder should be")
    code, answer, err = reckon("monitor", "--as-of", AT, "--fail-on", "none", folder=folder)
    assert (code, answer["transitions"], answer["alerts_written"]) == (4, 1, 0)
    assert "the next run tells them" in err
    assert reckon("monitor", "--as-of", AT, folder=folder)[0] == 1
    blocked.unlink()
    code, answer, _ = reckon("monitor", "--as-of", AT, folder=folder)
    assert (code, answer["transitions"], answer["alerts_written"]) == (1, 0, 1)


def test_a_rule_that_is_gone_is_said_and_can_be_forgotten(folder):
    """Its alert stays open until somebody says otherwise, and its end is an event too."""
    configure(folder, SLOW)
    reckon("monitor", "--as-of", AT, folder=folder)
    configure(folder, FINE)
    code, _, err = reckon("monitor", "--as-of", AT, folder=folder)
    assert code == 0
    assert "slow" in err
    code, answer, _ = reckon("alerts", "--forget", "slow", folder=folder)
    assert (code, answer["forgotten"], answer["alerts_written"]) == (0, "slow", 1)
    _, answer, _ = reckon("alerts", folder=folder)
    assert [r["rule"] for r in answer["rows"]] == ["fine"]
    with connect(folder / "lake") as con:
        told = con.execute("SELECT label FROM events WHERE kind = 'alert' ORDER BY event_id").fetchall()
    assert sorted(told) == [("firing",), ("resolved",)]


def test_keys_say_how_a_rule_is_written(tmp_path, capsys):
    """The example is a rule that loads; every key and metric is listed, without a lake or settings."""
    assert main(["monitor", "--keys"]) == 0
    out = capsys.readouterr().out
    (rule,) = load_rules(tomllib.loads(out.partition("\nkey")[0])["rules"])
    assert rule.severity == "critical"
    listed = {line.split()[0] for line in out.splitlines() if line}
    assert {name for name, _ in keys()} | {name for name, *_ in metrics()} <= listed


def test_hints_name_what_an_installed_package_has(folder):
    """No page of the repository, which a wheel does not hold."""
    configure(folder, SLOW.replace("window", "# window"))
    for command in ("monitor", "alerts"):
        assert "reckon monitor --keys" in json.loads(reckon(command, folder=folder)[2])["error"]["hint"]


def table(capsys, *words, folder, width=100):
    """What a command prints as a table: its lines, and what it says on stderr."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        patch.setenv("NO_COLOR", "1")
        main([*words, "--lake", str(folder / "lake"), "--config", str(folder / "deadreckon.toml"), "--format", "table"])
    out, err = capsys.readouterr()
    return out.splitlines(), err


@pytest.mark.parametrize("width", [100, 140])
def test_a_person_gets_one_line_per_alert(folder, capsys, width):
    """State, severity, rule, labels, the value beside its bound, and since when; never wider than the terminal."""
    configure(folder, SLOW)
    for words in (("monitor", "--as-of", AT), ("alerts",)):
        lines, err = table(capsys, *words, folder=folder, width=width)
        assert lines == [
            "FIRING  critical  slow  model_version=v2 team=agents  5,000 > 2,000 ms  since 2026-10-01 12:00",
            "OK      critical  slow  model_version=v1 team=agents  100 < 2,000 ms    since 2026-10-01 12:00",
        ]
        assert all(len(line) <= width for line in lines)
        assert "2 alerts (as_of 2026-1" in err


def test_labels_stand_below_where_room_is_short(folder, capsys):
    """With their names, and no word is broken: on a terminal of 80 cells, of now and of the past."""
    configure(folder, SLOW.replace('"slow"', '"the answers are slow"'))
    for words in (("monitor", "--as-of", AT), ("alerts",)):
        assert table(capsys, *words, folder=folder, width=80)[0] == [
            "FIRING  critical  the answers are slow  5,000 > 2,000 ms  2026-10-01 12:00",
            "  model_version=v2 team=agents",
            "OK      critical  the answers are slow  100 < 2,000 ms    2026-10-01 12:00",
            "  model_version=v1 team=agents",
        ]
    assert table(capsys, "alerts", "--history", folder=folder, width=80)[0] == [
        "2026-10-01 12:00  FIRING    critical  the answers are slow",
        "  model_version=v2 team=agents  5,000 > 2,000 ms",
    ]


def test_a_run_without_windows_is_seen(folder, capsys):
    """`monitor_ran` of status and `as_of` of alerts move with each run that writes, though nothing is committed."""
    configure(folder, SLOW)
    reckon("monitor", "--as-of", AT, folder=folder)
    note = folder / "lake" / "_monitor" / "ran"
    ran = datetime.fromisoformat(note.read_text())
    assert reckon("status", folder=folder)[1]["monitor_ran"] == ran.isoformat()
    commits = sorted((folder / "lake" / "alert_states" / "_delta_log").iterdir())
    later = (ran + timedelta(hours=1)).isoformat()
    note.write_text(later)
    assert reckon("status", folder=folder)[1]["monitor_ran"] == reckon("alerts", folder=folder)[1]["as_of"] == later
    reckon("monitor", "--as-of", AT, "--dry-run", folder=folder)
    assert note.read_text() == later
    reckon("monitor", "--as-of", AT, folder=folder)
    assert ran <= datetime.fromisoformat(note.read_text()) < datetime.fromisoformat(later)
    assert sorted((folder / "lake" / "alert_states" / "_delta_log").iterdir()) == commits
    note.unlink()
    assert datetime.fromisoformat(reckon("alerts", folder=folder)[1]["as_of"]) == ran


def test_an_event_of_the_future_hides_nothing(folder, capsys):
    """Of a wrong clock: the status says so, and the newest event that is looked back from is the newest until now."""
    add(Lake.open(folder / "lake"), [event(10 * 365 * 86_400, model_version="v3")])
    configure(folder, SLOW)
    lines, _ = table(capsys, "status", folder=folder, width=140)
    assert any(line.startswith("last_event") and line.endswith("UTC (to come: a clock was wrong)") for line in lines)
    err = reckon("monitor", "--dry-run", folder=folder)[2]
    assert "no data: the newest event is of 2026-10-01 11:56" in err
    assert "warning" not in err


def test_without_rules_the_hint_names_what_makes_them(tmp_path):
    """Rules that fit the lake, and how one is written."""
    configure(tmp_path, "")
    hint = json.loads(reckon("monitor", folder=tmp_path)[2])["error"]["hint"]
    assert "reckon monitor init" in hint
    assert "reckon monitor --keys" in hint


def test_an_alert_whose_data_went_missing_still_fires(folder, capsys):
    """Nobody knows that it ended: it is shown as firing since it was raised, with no data; the history says both."""
    configure(folder, SLOW)
    table(capsys, "monitor", "--as-of", AT, folder=folder)
    lines, _ = table(capsys, "monitor", "--as-of", "2026-10-01T12:05:00Z", folder=folder)
    assert "FIRING   critical  slow  model_version=v2 team=agents  no data  since 2026-10-01 12:00" in lines
    lines, err = table(capsys, "alerts", "--history", "--limit", "2", folder=folder)
    assert lines[0] == "2026-10-01 12:05  NO_DATA  was firing  critical  slow  model_version=v2 team=agents  no data"
    assert "2 changes (" in err
    assert "total 3, truncated" in err


def test_details_are_below_each_line_where_asked_for(folder, capsys):
    """Summary, window with its events, and runbook."""
    configure(folder, SLOW)
    lines, _ = table(capsys, "monitor", "--as-of", AT, "--details", "--dry-run", folder=folder, width=80)
    assert lines[1:5] == [
        "  model_version=v2 team=agents",
        "  p95 of v2 is 5000 ms over 5m",
        "  window 2026-10-01 11:55 to 2026-10-01 12:00, 20 events",
        "  runbook https://example.org/slow",
    ]


def test_rules_that_find_no_data_say_where_the_data_are(folder):
    """When the lake's events are, and the command that looks there; nothing where the lake is fresh, or one group."""
    configure(folder, SLOW)
    code, answer, err = reckon("monitor", "--dry-run", folder=folder)
    assert code == 3
    assert err.count("\n") == 2
    assert "no data: the newest event is of 2026-10-01 11:56, and the windows without data end at 2026-" in err
    assert answer["no_data_because"] in err
    words = re.search(r"reckon monitor (--as-of \S+) .* (--since \S+)", err).groups()
    for option in (words[0], " ".join(words)):
        code, answer, err = reckon("monitor", "--dry-run", *option.split(), folder=folder)
        assert (code, err) == (1, "")
        assert {r["state"] for r in answer["rows"]} == {"ok", "firing"}
    configure(folder, SLOW + QUIET)
    assert reckon("monitor", "--as-of", AT, folder=folder)[2] == ""
    configure(folder, SLOW)
    assert "hint: reckon ingest reads what was written since" in reckon("monitor", folder=folder)[2]
    configure(folder, SLOW.replace('"slow"', '"new"'))
    for _ in range(2):
        err = reckon("monitor", folder=folder)[2]
        assert "a rule under a new name looks back with reckon monitor --since 2026-10-01" in err


def test_a_silent_lake_is_not_well_whatever_its_rules_say(folder):
    """`no_data = "ok"` is for a rule alone, and the run says so where it does not hold."""
    configure(folder, SLOW.replace('name = "slow"', 'name = "slow"\nno_data = "ok"'))
    code, _, err = reckon("monitor", "--dry-run", folder=folder)
    assert code == 3
    assert 'no_data = "ok" is for a rule without data while other events come, and there are none' in err
    assert reckon("monitor", "--dry-run", "--fail-on", "firing,error", folder=folder)[0] == 0


def test_a_dry_run_needs_no_secrets(folder, monkeypatch):
    """It says what a run that delivers would miss, and evaluates; that one stops."""
    monkeypatch.delenv("HOOK_URL", raising=False)
    configure(folder, SLOW + '[[sinks]]\nname = "hook"\nkind = "webhook"\nurl_env = "HOOK_URL"\n')
    code, answer, err = reckon("monitor", "--as-of", AT, "--dry-run", folder=folder)
    assert code == 1
    assert answer["rows"]
    assert "a run that delivers would stop: sink 'hook' wants the environment variable HOOK_URL" in err
    assert reckon("monitor", "--as-of", AT, folder=folder)[:2] == (2, {})


def test_an_empty_lake_says_what_fills_it(tmp_path):
    """No window will ever hold data."""
    make(tmp_path / "lake")
    configure(tmp_path, QUIET)
    code, _, err = reckon("monitor", "--dry-run", folder=tmp_path)
    assert code == 3
    assert "reckon ingest" in err
