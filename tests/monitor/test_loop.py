"""`reckon monitor --every`: the loop by a clock of its own, and the process as a person or systemd ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep as pause

import pytest
from tests.monitor.commands import configure, environment, reckon, start
from tests.monitor.lakes import calls, make

from deadreckon.core.errors import ConfigError, LakeError, UsageError
from deadreckon.monitor import store
from deadreckon.monitor.loop import repeat

RECKON = "import sys; from deadreckon.cli import main; sys.exit(main(sys.argv[1:]))"
BUSY = '[[rules]]\nname = "quiet"\nmetric = "event_count"\nwindow = "5m"\nbelow = 1\n'
ENDLESS = """
[query]
timeout_s = 250
[[rules]]
name = "endless"
sql = "SELECT sum(a.range * b.range) AS value FROM range(10000000) a, range(10000000) b"
window = "5m"
above = 1
"""


class Time:
    """A clock that only sleeping and working move; it can be set as people set clocks."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.slept = 0.0

    def clock(self) -> float:
        """Epoch seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Time that passes."""
        assert seconds > 0
        self.now += seconds
        self.slept += seconds


def walk(time, steps, period=300.0, failed=lambda _: 9):
    """Evaluate so often, each time as the step says: when, and the loop's answer."""
    at = []
    left = list(steps)

    def evaluate():
        at.append(time.now)
        return left.pop(0)()

    return at, repeat(evaluate, period, clock=time.clock, sleep=time.sleep, stopped=lambda: not left, failed=failed)


def taking(time, seconds, code=0):
    """An evaluation that takes so long."""

    def evaluate():
        time.now += seconds
        return code

    return evaluate


def raising(error):
    """An evaluation that fails."""

    def evaluate():
        raise error

    return evaluate


def test_it_evaluates_now_and_at_each_multiple():
    """However long one took; the answer is the last one's."""
    time = Time(1000.0)
    at, code = walk(time, [taking(time, 1, 1), taking(time, 250, 3), taking(time, 0.5, 2)])
    assert (at, code) == ([1000.0, 1200.0, 1500.0], 2)


def test_one_that_takes_longer_than_the_period_is_followed_by_the_next_multiple():
    """Never two at once, and none is made up for: the run catches up its windows itself."""
    time = Time(900.0)
    assert walk(time, [taking(time, 700), taking(time, 300), taking(time, 1)])[0] == [900.0, 1800.0, 2400.0]


def test_an_error_is_said_and_the_loop_goes_on():
    """Its exit code is the last one until there is a better one."""
    time, said = Time(0.0), []

    def failed(error):
        said.append(str(error))
        return 3

    steps = [raising(LakeError("no lake")), lambda: 0, raising(ConfigError("later")), raising(ValueError("a fault"))]
    at, code = walk(time, steps, failed=failed)
    assert (at, code) == ([0.0, 300.0, 600.0, 900.0], 3)
    assert said == ["no lake", "later", "a fault"]


@pytest.mark.parametrize("error", [ConfigError("wrong"), UsageError("wrong"), BrokenPipeError()])
def test_what_no_later_evaluation_mends_ends_it(error):
    """At the start."""
    time = Time(0.0)
    with pytest.raises(type(error)):
        walk(time, [raising(error), lambda: 0])


def test_an_interrupt_gives_up_the_evaluation_it_comes_into():
    """What counts is the last one that ended; before that, nothing."""
    time = Time(0.0)
    assert walk(time, [lambda: 1, raising(KeyboardInterrupt()), lambda: 0])[1] == 1
    assert walk(time, [raising(KeyboardInterrupt()), lambda: 0])[1] is None


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_clock_that_is_set_does_not_stop_the_monitor(jump):
    """Neither backwards nor forwards: at most a period of true time passes until it looks again."""
    time = Time(86_400.0 * 365)
    sleep = time.sleep

    def sleep_and_set(seconds):
        sleep(seconds)
        if 100 <= time.slept < 100 + seconds:
            time.now += jump

    time.sleep = sleep_and_set
    at, _ = walk(time, [lambda: 0, lambda: 0])
    assert len(at) == 2
    assert time.slept <= 300


def evaluations(process, count):
    """What the process prints for so many evaluations, as it prints it."""
    return [json.loads(process.stdout.readline()) for _ in range(count)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_the_last_exit_code(tmp_path, number):
    """It evaluates again and again, and one that is told to end says how things stood."""
    make(tmp_path / "lake", calls(-200, 3))
    configure(tmp_path, BUSY)
    process = start(RECKON, "monitor", "--every", "1s", "--format", "jsonl", folder=tmp_path)
    try:
        assert {row["state"] for row in evaluations(process, 3)} == {"firing"}
        process.send_signal(number)
        _, err = process.communicate()
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1
    assert "Traceback" not in err


@pytest.mark.fault
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_evaluation_under_way_is_given_up_and_judges_nothing(tmp_path, number):
    """The signal goes to all of its processes, as Ctrl-C does: the rules' process dies, and no rule is blamed."""
    lake = make(tmp_path / "lake", calls(-200, 3))
    configure(tmp_path, ENDLESS)
    process = subprocess.Popen(
        [sys.executable, "-c", RECKON, "monitor", "--every", "1s"],
        cwd=tmp_path,
        env=environment(),
        text=True,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while process.poll() is None and not children.read_text():
            pause(0.05)
        os.killpg(process.pid, number)
        _, err = process.communicate()
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (130, "interrupted\n")
    assert store.read(lake).alerts == ()


def test_it_outlives_a_lake_that_is_not_there(tmp_path):
    """The error is said as any other, and the lake evaluated once it is there."""
    configure(tmp_path, BUSY)
    process = start(RECKON, "monitor", "--every", "1s", "--format", "jsonl", folder=tmp_path)
    try:
        assert json.loads(process.stderr.readline())["error"]["kind"] == "lake_not_found"
        make(tmp_path / "lake", calls(-200, 3))
        assert evaluations(process, 1)[0]["rule"] == "quiet"
        process.terminate()
        process.communicate()
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("rules", "words", "message"),
    [
        (BUSY, ["--every", "5"], "is not a duration"),
        (BUSY, ["--every", "0s"], "no time"),
        (BUSY, ["--every", "5m", "--as-of", "2026-10-01"], "--as-of"),
        (BUSY.replace("below", "blow"), ["--every", "5m"], "unknown key"),
        ("", ["--every", "5m"], "no rules"),
    ],
)
def test_what_is_wrong_at_the_start_ends_it(tmp_path, rules, words, message):
    """With exit code 2, as without --every."""
    configure(tmp_path, rules)
    code, _, err = reckon("monitor", *words, folder=tmp_path)
    assert code == 2
    assert message in json.loads(err)["error"]["message"]
