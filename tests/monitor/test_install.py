"""`reckon monitor --install`: what it prints is run, by sh and by what systemd makes of it."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from contextlib import chdir

import pytest
from tests.monitor.commands import environment
from tests.monitor.lakes import make

from deadreckon.cli import main
from deadreckon.core.errors import UsageError
from deadreckon.monitor.cron import PERIODS, Job, checked_period, crontab, service, timer, usual_period
from deadreckon.queries import connect

SLOW = '[[rules]]\nname = "slow"\nmetric = "event_count"\nwindow = "15m"\nbelow = 1\n'
AWKWARD = """a b 'c' "d" $HOME 50% ü;#"""
SAY = "import json, sys; open(sys.argv[1], 'a').write(json.dumps(sys.argv[2:]) + chr(10)); sys.exit(int(sys.argv[2]))"
VERIFY = shutil.which("systemd-analyze")
RECKON = shutil.which("reckon", path=sysconfig.get_path("scripts"))


def by_cron(line):
    """What cron hands to sh of a crontab's line: the sixth field, which a bare % would end."""
    command = line.rstrip("\n").split(" ", 5)[5]
    assert "\n" not in line.rstrip("\n")
    assert not re.search(r"(?<!\\)%", command)
    return command.replace(r"\%", "%")


def by_systemd(value):
    """The words of an Exec line, as systemd.service(5) says they are read."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', value.removeprefix("-"))
    read = [re.sub(r"\\(.)", r"\1", quoted or bare).replace("%%", "%") for quoted, bare in words]
    return [read[0], *(word.replace("$$", "$") for word in read[1:])]


def unit(text):
    """A unit's sections."""
    parser = configparser.ConfigParser(interpolation=None, delimiters="=", strict=True)
    parser.optionxform = str
    parser.read_string(text)
    return parser


@pytest.fixture
def job(tmp_path):
    """Two commands with awkward words in an awkward folder, the first of which fails; each writes down its words."""
    folder = tmp_path / AWKWARD
    folder.mkdir()
    said = (sys.executable, "-c", SAY, "said")
    return folder, Job(str(folder), ((*said, "3", AWKWARD), (*said, "1", "*", "")), 300)


def said(folder):
    """What the commands wrote down."""
    return [json.loads(line) for line in (folder / "said").read_text().splitlines()]


def test_the_line_runs_as_cron_runs_it(job):
    """Every word arrives, the second command runs though the first fails, and its exit code counts."""
    folder, job = job
    line = crontab(job)
    assert line.startswith("*/5 * * * * cd ")
    done = subprocess.run(["sh", "-c", by_cron(line)], cwd="/", check=False, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    assert said(folder) == [["3", AWKWARD], ["1", "*", ""]]


def test_the_service_runs_the_same_words(job):
    """As systemd reads them; what the first command returns is ignored."""
    folder, job = job
    read = unit(service(job))["Service"]
    assert read["ExecStartPre"].startswith("-")
    assert read["WorkingDirectory"] == str(folder).replace("%", "%%")
    assert [by_systemd(read[key]) for key in ("ExecStartPre", "ExecStart")] == [list(c) for c in job.commands]


@pytest.mark.skipif(not VERIFY, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("period", PERIODS)
def test_systemd_takes_both_units(job, period, tmp_path):
    """Without a word of complaint, and it says the same of when."""
    _, job = job
    (tmp_path / "watch.service").write_text(service(job, ["SECRET"]))
    (tmp_path / "watch.timer").write_text(timer(period))
    for name in ("watch.service", "watch.timer"):
        done = subprocess.run(
            [VERIFY, "verify", "--man=no", str(tmp_path / name)], check=False, capture_output=True, text=True
        )
        ours = [line for line in done.stderr.splitlines() if "watch." in line]
        assert (done.returncode, ours) == (0, [])
    when = unit(timer(period))["Timer"]["OnCalendar"]
    shown = subprocess.run(
        [VERIFY, "calendar", "--iterations=3", "--base-time=2026-11-20 23:59:59 UTC", when],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "TZ": "UTC"},
    ).stdout
    hours = [int(h) * 3600 + int(m) * 60 + int(s) for h, m, s in re.findall(r"(\d\d):(\d\d):(\d\d) UTC", shown)]
    assert [at % 86_400 for at in (0, period, 2 * period)] == hours[-3:]


@pytest.mark.parametrize(
    ("period", "when"),
    [
        (60, "* * * * *"),
        (1200, "*/20 * * * *"),
        (3600, "0 * * * *"),
        (6 * 3600, "0 */6 * * *"),
        (86_400, "0 0 * * *"),
    ],
)
def test_periods_in_cron(period, when):
    """Parts of an hour and of a day."""
    assert crontab(Job("/", (("/bin/true",),), period)) == f"{when} cd / && /bin/true > /dev/null"


def test_periods_that_are_not_even_are_refused():
    """7 minutes would leap at each full hour; the next lower one is named."""
    for period, lower in ((420, "6m"), (30, "1m"), (7 * 86_400, "1d")):
        with pytest.raises(UsageError) as caught:
            checked_period(period)
        assert f"--every {lower}," in caught.value.hint


def test_the_usual_period_suits_the_rules():
    """Five minutes, less where a rule looks more often, never less than cron can."""
    assert [usual_period(steps) for steps in ([], [3600], [240, 900], [150], [10])] == [300, 300, 240, 120, 60]


@pytest.mark.parametrize("word", ["a\nb", "a\x00b", "a\tb", "\udc80"])
def test_words_that_would_be_other_lines_are_refused(word):
    """Neither a crontab nor a unit has a way to write them."""
    for write in (crontab, service):
        with pytest.raises(UsageError):
            write(Job("/", (("/bin/true", word),), 60))
        with pytest.raises(UsageError):
            write(Job(f"/{word}", (("/bin/true",),), 60))


def test_a_backslash_is_refused_for_cron():
    """Before a % it means different things to different crons."""
    with pytest.raises(UsageError, match="backslash"):
        crontab(Job("/", (("/bin/true", "a\\"),), 60))


def printed(capsys, *words):
    """What `reckon monitor` prints, and says."""
    code = main(["monitor", *words])
    out, err = capsys.readouterr()
    assert code == 0, err
    return out, err


@pytest.fixture
def place(tmp_path):
    """A folder with settings, a log and no lake yet, in which one stands."""
    folder = tmp_path / AWKWARD
    folder.mkdir()
    (folder / "deadreckon.toml").write_text('lake = "the lake"\n' + SLOW)
    (folder / "logs").mkdir()
    (folder / "logs" / "a.jsonl").write_text('{"ts": "2026-10-01T12:00:00Z", "event": "call"}\n')
    with chdir(folder):
        yield folder


@pytest.mark.skipif(not RECKON, reason="reckon is not installed as a program")
def test_the_printed_line_ingests_and_evaluates(place, capsys):
    """From another folder and environment, by its command as cron runs it: the log is read, the rule is judged."""
    (place / "empty").mkdir()
    out, err = printed(capsys, "--install", "cron", "--with-ingest", "logs", "--with-ingest", "empty")
    assert err == ""
    assert not (place / "the lake").exists()
    bare = {k: v for k, v in environment().items() if k in ("HOME", "PYTHONPATH")} | {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", by_cron(out)], cwd="/", env=bare, check=False, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    with connect(place / "the lake") as con:
        kinds = con.execute("SELECT event FROM events ORDER BY event").fetchall()
    assert kinds == [("alert.firing",), ("call",)]


@pytest.mark.skipif(not RECKON, reason="reckon is not installed as a program")
def test_the_printed_service_has_the_same_command(place, capsys):
    """Options that say what is evaluated go along, paths are absolute, and nothing is installed."""
    make(place / "the lake")
    out, _ = printed(
        capsys, "--install", "service", "--rule", "slow", "--fail-on", "firing", "--config", "deadreckon.toml"
    )
    (command,) = [by_systemd(unit(out)["Service"]["ExecStart"])]
    where = ["--lake", str(place / "the lake"), "--config", str(place / "deadreckon.toml")]
    options = ["--rule", "slow", "--fail-on", "firing", "--format", "jsonl"]
    assert command == [RECKON, "monitor", *where, *options]
    out, _ = printed(capsys, "--install", "timer", "--every", "15m")
    assert unit(out)["Timer"]["OnCalendar"] == "*:0/15"


@pytest.mark.skipif(not RECKON, reason="reckon is not installed as a program")
def test_variables_that_the_job_needs_are_named(place, capsys, monkeypatch):
    """By name alone: cron and systemd have an environment of their own."""
    monkeypatch.setenv("THE_SWITCH", "https://example.org/secret")
    monkeypatch.setenv("DEADRECKON_QUERY_THREADS", "1")
    with (place / "deadreckon.toml").open("a") as file:
        file.write('[monitor]\nping_url_env = "THE_SWITCH"\n')
    for what in ("cron", "service"):
        said = "".join(printed(capsys, "--install", what))
        assert "DEADRECKON_QUERY_THREADS, THE_SWITCH" in said
        assert "secret" not in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--install", "cron", "--with-ingest", "-"], "standard input"),
        (["--install", "cron", "--every", "7m"], "every 7m"),
        (["--install", "cron", "--dry-run"], "--dry-run"),
        (["--install", "cron", "--as-of", "2026-10-01"], "--as-of"),
        (["--install", "cron", "--since", "2026-10-01"], "--since"),
        (["--with-ingest", "logs"], "--install"),
        (["--install", "cron", "--rule", "slwo"], "slwo"),
    ],
)
def test_what_cannot_be_installed_is_refused(place, capsys, words, message):
    """With exit code 2, and nothing on stdout that a crontab could swallow."""
    assert main(["monitor", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
