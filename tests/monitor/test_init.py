"""`reckon monitor init`: rules that fit a lake, and say nothing of it that is not so."""

from __future__ import annotations

import json
import random
import re
import time
import tomllib

import pytest
from tests.cli.test_front_door import on_a_terminal
from tests.monitor.commands import reckon
from tests.monitor.lakes import HOUR, NOON, event, make

from deadreckon.cli import main
from deadreckon.core.errors import QueryError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.monitor import load_rules
from deadreckon.monitor.asking import asker
from deadreckon.monitor.looking import down, nice
from deadreckon.monitor.starter import look, toml, written
from deadreckon.profiles import profile

DAY = 24 * HOUR


def life(end: float, days: int = 10):
    """Events of an agent's days, every five minutes until so many seconds after NOON; one call in 300 fails."""
    for i in range(int(days * DAY / 300)):
        at = end - 30 - i * 300
        keys = {"service": "agent", "operation": "chat", "model": "m", "request_id": f"r{i}", "environment": "prod"}
        for j in range(3):
            status = "error" if (i * 3 + j) % 300 == 0 else "ok"
            yield event(at - j, status=status, duration_ms=100.0 + i % 50 * 10 + j, cost_usd=0.01, **keys)
        yield event(at, operation="execute_tool", tool="search", status="ok", duration_ms=5.0, request_id=f"r{i}")
        yield event(at, kind="prediction", features=json.dumps({"age": i % 90 if i % 40 else None}), service="model")


LEDGER = {"record": "source", "source_id": "a", "lines": 10_000, "quarantined": 20}


@pytest.fixture(scope="module")
def living(tmp_path_factory):
    """A folder whose lake has events until now."""
    folder = tmp_path_factory.mktemp("living")
    now = time.time()
    ledger = [LEDGER | {"ingested_at": int((now - 60) * 1_000_000)}]
    make(folder / "lake", life(now - NOON), ledger=ledger)
    return folder


def printed(capsys, lake) -> str:
    assert main(["monitor", "init", "--lake", str(lake)]) == 0
    return capsys.readouterr().out


def test_a_living_lake_gets_a_rule_of_each_kind_that_fits(living, capsys):
    """Thresholds stand over what is usual, and every one has its figures above it."""
    text = printed(capsys, living / "lake")
    rules = tomllib.loads(text)["rules"]
    found = {rule["name"]: rule for rule in rules}
    assert {rule.get("kind", "threshold") for rule in rules} == {
        *("threshold", "sql", "quality", "budget", "slo", "heartbeat")
    }
    assert {r["check"] for r in rules if "check" in r} == {"freshness", "quarantine_share", "null_share", "volume"}
    # An hour's p95 is at most 590 ms, and half as much again 890; a day has 864 calls of a cent.
    assert 600 < found["chat slow"]["above"] <= 900
    assert found["chat slow"]["where"] == {"operation": "chat"}
    assert found["spend of the day"]["limit"] == pytest.approx(8.64 * 1.5, rel=0.05)
    assert found["logs arrive"]["above"] == 900
    assert found["agent lives"]["every"] == "15m"
    assert found["calls succeed"]["objective"] in (0.95, 0.98, 0.99, 0.995)
    lines = text.splitlines()
    assert all(
        lines[i - 1].startswith("# ") and lines[i - 1][-1] == "." for i, x in enumerate(lines) if x == "[[rules]]"
    )


def test_what_was_written_says_nothing_of_the_lake_that_it_was_made_from(living, tmp_path, capsys):
    """A dry run of the file finds no alarm, now and over the days before; the lake was only read."""
    before = sorted(path for path in (living / "lake").rglob("*"))
    file = tmp_path / "deadreckon.toml"
    assert main(["monitor", "init", "--lake", str(living / "lake"), "--write", str(file)]) == 0
    assert "reckon monitor --config" in capsys.readouterr().err
    assert sorted(path for path in (living / "lake").rglob("*")) == before
    code, answer, _ = reckon("monitor", "--dry-run", folder=tmp_path)
    assert (code, {row["state"] for row in answer["rows"]}) == (0, {"ok"})
    assert len(load_rules(tomllib.loads(file.read_text("utf-8"))["rules"])) == len({r["rule"] for r in answer["rows"]})


def test_a_file_that_is_there_stays_as_it_is(living, tmp_path, capsys):
    """`--write` makes new files only."""
    file = tmp_path / "deadreckon.toml"
    file.write_text("# mine\n", "utf-8")
    assert main(["monitor", "init", "--lake", str(living / "lake"), "--write", str(file)]) == 2
    assert "stays as it is" in capsys.readouterr().err
    assert file.read_text("utf-8") == "# mine\n"
    assert main(["monitor", "init", "--lake", str(living / "lake"), "--write", str(tmp_path / "no" / "x.toml")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_what_would_fire_at_once_is_a_comment(tmp_path, capsys):
    """A lake whose logs ended weeks ago: silence is said, and stands aside until it ends."""
    make(tmp_path / "lake", life(-20 * DAY, days=4))
    text = printed(capsys, tmp_path / "lake")
    assert "# It would fire at once (logs arrive: the newest event is" in text
    names = {rule["name"] for rule in tomllib.loads(text)["rules"]}
    assert "logs arrive" not in names
    assert "agent lives" not in names
    assert "chat slow" in names
    assert "nothing is ok" in text  # though every rule says no_data = "ok"
    file = tmp_path / "deadreckon.toml"
    assert main(["monitor", "init", "--lake", str(tmp_path / "lake"), "--write", str(file)]) == 0
    live, hidden = len(names), text.count("# [[rules]]")
    said = capsys.readouterr().err
    assert f"{live} rules, and {hidden} more as comments" in said
    option = re.search(r"--dry-run (--as-of \S+)", said)[1]
    assert reckon("monitor", "--dry-run", *option.split(), folder=tmp_path)[0] == 0
    _, answer, _ = reckon("monitor", "--dry-run", folder=tmp_path)
    assert {row["state"] for row in answer["rows"]} <= {"ok", "no_data"}


def test_a_lake_of_unlike_lines_gets_what_fits(tmp_path, capsys):
    """Log lines without operation, duration, cost or service: no rule that could not be measured."""
    now = time.time() - NOON
    make(tmp_path / "lake", [event(now - i * 60, kind="log", level="info", service=None) for i in range(200)])
    rules = tomllib.loads(printed(capsys, tmp_path / "lake"))["rules"]
    assert [rule["name"] for rule in rules] == ["logs arrive"]


def test_what_cannot_be_looked_at_is_left_out_and_said(living):
    """A look that goes over the limits takes nothing else with it."""

    class Slow:
        def __init__(self, lake):
            self.asker = asker(lake, Settings(lake=str(lake.root)))

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.asker.close()

        def query(self, sql, params=None, *, max_rows=None):
            if "tool_calls" in sql:
                raise QueryError("took longer than 30 s", hint="ask for less")
            return self.asker.query(sql, params, max_rows=max_rows)

    lake = Lake.open(living / "lake")
    found = look(lake, lambda: Slow(lake), now=time.time())
    text = written(found)
    assert text.splitlines()[-1] == "# Left out: sql: took longer than 30 s; ask for less"
    assert len(tomllib.loads(text)["rules"]) == 10


def test_odd_names_are_written_as_toml(tmp_path, capsys):
    """Quotes, backslashes and braces in what was logged are text in the file."""
    now = time.time() - NOON
    odd = 'a "b" \\ {c}'
    lines = [event(now - i * 60, operation=odd, service=odd, status="ok", duration_ms=5.0) for i in range(2000)]
    make(tmp_path / "lake", lines)
    text = printed(capsys, tmp_path / "lake")
    rules = load_rules(tomllib.loads(text)["rules"])
    assert {f"{odd} slow", f"{odd} lives"} <= {rule.name for rule in rules}
    assert tomllib.loads(f"x = {toml({'a': [1, 'é', True], 'b': 0.1 + 0.2})}") == {
        "x": {"a": [1, "é", True], "b": 0.1 + 0.2}
    }


def test_a_person_is_told_that_nothing_was_written(living):
    """On a terminal, after the rules; a file gets the rules alone."""
    assert "hint: nothing was written: --write FILE" in on_a_terminal("monitor", "init", "--lake", str(living / "lake"))


def test_an_empty_lake_is_said(tmp_path, capsys):
    """There is nothing to make rules from, and the next step is named."""
    Lake.create(tmp_path / "lake")
    assert main(["monitor", "init", "--lake", str(tmp_path / "lake")]) == 3
    err = capsys.readouterr().err
    assert "holds no events" in err
    assert "reckon ingest" in err


@pytest.mark.parametrize(
    ("value", "up", "under"),
    [(0, 0, 0), (0.0123, 0.013, 0.012), (0.3, 0.3, 0.3), (9.99, 10, 9.9), (1234.5, 1300, 1200), (1e9, 1e9, 1e9)],
)
def test_thresholds_are_numbers_of_two_digits(value, up, under):
    """Never on the wrong side of what they were made from."""
    assert (nice(value), down(value)) == (up, under)


def test_a_lake_with_profiles_gets_a_drift_rule(tmp_path, capsys):
    """Ten days of profiled features are enough; a dry run says nothing of them, and init leaves nothing behind."""
    now = time.time() - NOON
    dice = random.Random(3)
    lines = [
        event(now - i * 90, kind="prediction", features=json.dumps({"age": dice.gauss(40, 9)}), service="model")
        for i in range(10 * 960)
    ]
    lake = make(tmp_path / "lake", lines)
    text = printed(capsys, tmp_path / "lake")
    assert "inputs drift" not in {rule["name"] for rule in tomllib.loads(text)["rules"]}
    assert "# Not yet: reckon profile" in text

    profile(lake)
    before = sorted(path for path in (tmp_path / "lake").rglob("*"))
    text = printed(capsys, tmp_path / "lake")
    assert sorted(path for path in (tmp_path / "lake").rglob("*")) == before
    (rule,) = [r for r in tomllib.loads(text)["rules"] if r.get("kind") == "drift"]
    assert (rule["subjects"], rule["reference"]) == (["feature:*"], "7d")
    (tmp_path / "deadreckon.toml").write_text(f'lake = "{tmp_path / "lake"}"\n{text}', "utf-8")
    code, answer, _ = reckon("monitor", "--dry-run", folder=tmp_path)
    assert (code, {row["state"] for row in answer["rows"]} <= {"ok", "no_data"}) == (0, True)
