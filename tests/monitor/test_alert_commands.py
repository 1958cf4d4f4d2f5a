"""`reckon alerts ack`, `silence`, `sinks`: what people do about alerts from the command line."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from datetime import datetime

import pytest
from tests.delivery.parts import lines
from tests.monitor.commands import configure, reckon
from tests.monitor.lakes import calls, make

from deadreckon.cli import main
from deadreckon.core.lake import Lake
from deadreckon.monitor.outbox import waiting
from deadreckon.queries import connect

AT = "2026-10-01T12:00:00Z"
RULES = """
[[rules]]
name = "slow"
metric = "latency_p95_ms"
window = "5m"
above = 2000
group_by = ["model_version"]
"""
ERRORS = """
[[rules]]
name = "errors"
metric = "error_rate"
where = { model_version = ["v1"] }
group_by = ["model_version"]
window = "5m"
above = 0
"""
BAD = '[[rules]]\nname = "bad"\nsql = "SELECT modle AS value FROM events"\nwindow = "5m"\nabove = 0\n'
ADD = ("alerts", "silence", "add", "--by", "ann", "--comment", "deploy")


@pytest.fixture
def folder(tmp_path):
    """A lake in which v1 and v2 are slow, and a file that hears of it."""
    slow = [calls(-200, 20, model_version=v, duration_ms=5000.0, status=s) for v, s in (("v1", "error"), ("v2", "ok"))]
    make(tmp_path / "lake", [*slow[0], *slow[1]])
    configure(tmp_path, RULES + sink(tmp_path, "out"))
    return tmp_path


def sink(folder, name):
    return f'[[sinks]]\nname = "{name}"\nkind = "file"\npath = "{folder / name}.jsonl"\n'


def monitor(folder, *words):
    return reckon("monitor", "--as-of", AT, *words, folder=folder)


def error(answer):
    code, _, err = answer
    return code, json.loads(err)["error"]["message"]


def test_what_is_silenced_is_judged_but_neither_told_nor_counted(folder):
    """Until it is expired; then the next run tells it."""
    code, made, _ = reckon(*ADD, "--match", "rule=sl*", "--match", "model_version=~v.", "--for", "2h", folder=folder)
    (row,) = made["rows"]
    assert (code, row["state"], row["by"], row["comment"]) == (0, "active", "ann", "deploy")
    assert row["matchers"] == ["rule=sl*", "model_version=~v."]
    code, answer, _ = monitor(folder)
    assert code == 0
    assert {(r["state"], r["silenced"]) for r in answer["rows"]} == {("firing", row["ends_at"])}
    assert lines(folder / "out.jsonl") == []
    _, listed, _ = reckon("alerts", "--state", "firing", folder=folder)
    assert [r["silenced"] for r in listed["rows"]] == [row["ends_at"]] * 2
    assert reckon("alerts", "silence", "list", folder=folder)[1]["rows"] == [row]
    code, ended, _ = reckon("alerts", "silence", "expire", row["id"][:4], "--by", "bob", folder=folder)
    assert (code, ended["rows"][0]["state"]) == (0, "over")
    assert reckon("alerts", "silence", "list", folder=folder)[1]["rows"] == []
    assert [r["id"] for r in reckon("alerts", "silence", "list", "--all", folder=folder)[1]["rows"]] == [row["id"]]
    assert monitor(folder)[0] == 1
    assert [(m["notice"], m["state"]) for m in lines(folder / "out.jsonl")] == [("unmuted", "firing")] * 2
    with connect(folder / "lake") as con:
        sql = "SELECT deed, done_by, comment, silence, matchers, ends_at FROM alert_deeds ORDER BY ts, deed"
        (silenced, ended) = con.execute(sql).fetchall()
    assert silenced[:4] == ("silenced", "ann", "deploy", row["id"])
    assert json.loads(silenced[4]) == row["matchers"]
    assert silenced[5] == datetime.fromisoformat(row["ends_at"])
    assert ended == ("unsilenced", "bob", None, row["id"], None, None)


def test_status_counts_what_fires_and_names_what_is_not_told(folder):
    """Silenced alerts do not fire; those that somebody has taken, or that another explains, do."""
    text = (folder / "deadreckon.toml").read_text()
    inhibit = '[[inhibit]]\nsource = { model_version = "v1" }\ntarget = { model_version = "v2" }\n'
    (folder / "deadreckon.toml").write_text(text + inhibit)
    assert reckon("status", folder=folder)[1]["silenced"] is None
    monitor(folder)
    reckon("alerts", "ack", "slow", "--label", "model_version=v1", "--by", "bob", folder=folder)
    _, status, _ = reckon("status", folder=folder)
    assert (status["firing"], status["silenced"]) == (2, [])
    assert status["acknowledged"] == [{"rule": "slow", "labels": {"model_version": "v1"}, "by": "bob", "comment": ""}]
    assert status["inhibited"] == [{"rule": "slow", "labels": {"model_version": "v2"}, "by": "slow"}]
    _, made, _ = reckon(*ADD, "--match", "model_version=v2", "--for", "2h", folder=folder)
    _, status, _ = reckon("status", folder=folder)
    assert status["firing"] == 1
    (silenced,) = status["silenced"]
    assert (silenced["by"], silenced["comment"], silenced["until"]) == ("ann", "deploy", made["rows"][0]["ends_at"])


def test_an_alert_is_taken_and_let_go(folder):
    """It still fires, and the exit code says so."""
    monitor(folder)
    take = ("alerts", "ack", "slow", "--by", "bob", "--comment", "rolling back")
    _, answer, _ = reckon(*take, "--label", "model_version=v2", folder=folder)
    assert [(r["labels"], r["by"]) for r in answer["rows"]] == [({"model_version": "v2"}, "bob")]
    code, answer, _ = monitor(folder)
    assert code == 1
    assert {r["labels"]["model_version"]: r["acknowledged"] for r in answer["rows"]} == {"v1": None, "v2": "bob"}
    _, answer, said = reckon(*take, "--label", "model_version=v2", folder=folder)
    assert (answer["rows"], "somebody has taken them already" in said) == ([], True)
    _, answer, _ = reckon("alerts", "ack", "slow", "--by", "bob", "--undo", folder=folder)
    assert len(answer["rows"]) == 1
    with connect(folder / "lake") as con:
        found = con.execute("SELECT deed, done_by, comment, rule, labels FROM alert_deeds ORDER BY ts, deed").fetchall()
    assert [(deed, by, rule, json.loads(labels)) for deed, by, _, rule, labels in found] == [
        ("acknowledged", "bob", "slow", {"model_version": "v2"}),
        ("unacknowledged", "bob", "slow", {"model_version": "v2"}),
    ]
    assert found[0][2] == "rolling back"


def test_an_inhibition_of_the_settings_is_not_told(folder):
    """`[[inhibit]]` in deadreckon.toml: what is explained is judged, shown, counted, and told when it is over."""
    rules = (folder / "deadreckon.toml").read_text()
    table = '[[inhibit]]\nsource = { rule = "errors" }\ntarget = { rule = "sl*" }\nequal = ["model_version"]\n'
    errors = ERRORS
    (folder / "deadreckon.toml").write_text(f"{rules}{errors}{table}")
    code, answer, _ = monitor(folder)
    assert code == 1
    stands = {(r["rule"], r["labels"]["model_version"]): r["inhibited"] for r in answer["rows"]}
    assert stands == {("slow", "v1"): "errors", ("slow", "v2"): None, ("errors", "v1"): None}
    told = [(m["rule"], m["labels"]["model_version"]) for m in lines(folder / "out.jsonl")]
    assert sorted(told) == [("errors", "v1"), ("slow", "v2")]
    assert "explained by errors" in table_of(folder)
    # Without the table nothing explains it any more, and the next run tells it.
    (folder / "deadreckon.toml").write_text(f"{rules}{errors}")
    monitor(folder)
    last = lines(folder / "out.jsonl")[-1]
    assert (last["rule"], last["labels"]["model_version"], last["notice"]) == ("slow", "v1", "unmuted")
    (folder / "deadreckon.toml").write_text(f"{rules}{table.replace('equal', 'equals')}")
    assert error(monitor(folder)) == (2, "table 1 of [[inhibit]] has an unknown key 'equals'")


def table_of(folder):
    """What people read of the alerts."""
    out = io.StringIO()
    with redirect_stdout(out):
        main(["alerts", "--format", "table", "--config", str(folder / "deadreckon.toml")])
    return out.getvalue()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*ADD, "--match", "rule=a"], "one of --for and --until"),
        ([*ADD, "--match", "rule=a", "--for", "2h", "--until", "2030-01-01"], "one of --for and --until"),
        ([*ADD, "--match", "rule=a", "--for", "2"], "is not a duration"),
        ([*ADD, "--match", "rule=a", "--until", "2020-01-01"], "over before it begins"),
        ([*ADD, "--match", "rule", "--for", "2h"], "is no matcher"),
        ([*ADD, "--match", "rule=~(", "--for", "2h"], "no regular expression"),
        ([*ADD, "--match", "rule=*", "--for", "2h"], "hold for every alert"),
        (["alerts", "silence", "expire", "xyz", "--by", "a"], "there is no silence"),
        (["alerts", "ack", "slo", "--by", "a"], "no alert of the rule 'slo' is open"),
        (["alerts", "ack", "slow", "--by", " "], "--by is empty"),
        (["alerts", "ack", "slow"], "--by"),
        (["alerts", "ack", "slow", "--by", "a", "--label", "v2"], "no NAME=VALUE"),
        (["alerts", "sinks", "retire", "out"], "is in use"),
        (["alerts", "sinks", "retire", "nobody"], "knows no sink"),
        (["alerts", "--lake", "elsewhere", "ack", "slow", "--by", "a"], "--lake stands before ack"),
        (["alerts", "--history", "silence", "list"], "--history stands before silence"),
        (["alerts", "forgive"], "there is no command"),
        (["alerts", "--stat", "firing"], "no option --stat"),
    ],
)
def test_what_is_wrong_is_said(folder, words, message):
    """With exit code 2, and nothing is kept."""
    monitor(folder)
    code, said = (
        error(reckon(*words, folder=folder)) if "forgive" not in words and "--stat" not in words else wrong(words)
    )
    assert code == 2
    assert message in said


def wrong(words):
    """An error before the settings are read."""
    import contextlib
    import io

    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        code = main(list(words))
    return code, err.getvalue()


def test_a_sink_that_is_gone_is_shown_and_retired(folder):
    """Nothing waits for it any more; one that is new is known after the next run."""
    monitor(folder)
    configure(folder, RULES.replace("2000", "9000") + sink(folder, "other"))
    _, answer, said = reckon("alerts", "sinks", "list", folder=folder)
    assert [(r["sink"], r["state"]) for r in answer["rows"]] == [("other", "new"), ("out", "gone")]
    assert "retire" in said
    reckon("monitor", "--as-of", "2026-10-01T12:05:00Z", folder=folder)
    assert len(waiting(Lake.open(folder / "lake"), "sink:out").alerts) == 2
    _, answer, _ = reckon("alerts", "sinks", "retire", "out", folder=folder)
    assert answer["rows"] == [{"sink": "out", "state": "retired", "dropped": 2}]
    assert [r["sink"] for r in reckon("alerts", "sinks", "list", folder=folder)[1]["rows"]] == ["other"]
    assert not (folder / "lake" / "_delivery" / "out.json").exists()


def test_what_is_forgotten_is_told_at_once(folder):
    """Not by the next run, which may be far."""
    monitor(folder)
    configure(folder, RULES.replace('"slow"', '"renamed"') + sink(folder, "out"))
    code, _, said = reckon("alerts", "--forget", "slow", folder=folder)
    assert code == 0
    assert "2 messages delivered" in said
    assert [m["state"] for m in lines(folder / "out.jsonl")] == ["firing"] * 2 + ["resolved"] * 2


def test_people_read_why_a_rule_cannot_be_evaluated_and_who_knows_of_it(folder, capsys):
    """In the table, without asking for details."""
    configure(folder, RULES + BAD)
    monitor(folder)
    reckon(*ADD, "--match", "model_version=v1", "--for", "2h", folder=folder)
    reckon("alerts", "ack", "slow", "--label", "model_version=v2", "--by", "bob", "--comment", "mine", folder=folder)
    capsys.readouterr()
    for command in (["monitor", "--as-of", AT], ["alerts"]):
        main([*command, "--format", "table", "--config", str(folder / "deadreckon.toml")])
        text = " ".join(capsys.readouterr().out.split())
        assert 'bad cannot be evaluated: Referenced column "modle"' in text
        assert "by ann: deploy" in text
        assert "taken by bob: mine" in text


def test_alerts_can_be_read_though_a_rule_is_wrong(folder):
    """Who inhibits whom is not known then, and that is said."""
    monitor(folder)
    configure(folder, RULES.replace("above", "abov"))
    code, answer, said = reckon("alerts", folder=folder)
    assert (code, len(answer["rows"])) == (0, 2)
    assert "unknown key 'abov'" in said
