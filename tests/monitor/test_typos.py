"""Words that are spelt otherwise than in the rules or in the lake are found, before or while they do nothing."""

from __future__ import annotations

import pytest
from tests.monitor.commands import configure, reckon
from tests.monitor.lakes import calls, make

from deadreckon.core.errors import ConfigError
from deadreckon.monitor import load_rules
from deadreckon.monitor.inhibit import Policy, check
from deadreckon.monitor.profiled import COLUMNS, PREFIXES, unprofiled
from deadreckon.profiles import subjects

RULES = """
[[rules]]
name = "slow answers"
metric = "latency_p95_ms"
group_by = ["model_version"]
labels = { team = "agents" }
window = "5m"
above = 1000
"""
AT = "2026-10-01T12:00:00Z"


@pytest.fixture
def folder(tmp_path):
    """A lake with calls of one version, and a rule about them."""
    make(tmp_path / "lake", calls(-200, 30, model_version="v1", model="tern", features='{"age": 3, "size": 1}'))
    configure(tmp_path, RULES)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("age", "write feature:age if it is an input"),
        ("latency", "did you mean 'latency_ms'?"),
        ("featur:age", "did you mean 'feature'?"),
    ],
)
def test_a_subject_that_no_profile_can_have_is_refused(name, hint):
    """When the rule is loaded, with what it may have been meant for."""
    with pytest.raises(ConfigError, match="is no subject") as error:
        load_rules([{"name": "d", "kind": "drift", "subjects": ["latency_ms", name]}])
    assert hint in error.value.hint


def test_every_subject_that_is_profiled_can_be_watched():
    """Each by its name, and by patterns."""
    assert {*COLUMNS} == {*subjects.NUMERIC, *subjects.CATEGORICAL}
    assert {*PREFIXES} == {*subjects.JSON, *subjects.NAMED}
    fine = [*COLUMNS, *(f"{prefix}:x" for prefix in PREFIXES), "feature:*", "*", "f*:age", "tool:*", "*_tokens"]
    assert list(unprofiled(fine)) == []


@pytest.mark.parametrize(
    ("table", "says", "hint"),
    [
        ({"source": {"rule": "slwo*"}, "target": {"severity": "info"}}, "source: no rule matches rule=slwo*", "slow"),
        ({"source": {"rule": "slow*"}, "target": {"severity": "warn"}}, "no severity matches severity=warn", "warning"),
        ({"source": {"rule": "slow*"}, "target": {"model_verison": "v1"}}, "no rule has a label", "model_version"),
        ({"source": {"rule": "slow*"}, "target": {"team": "a"}, "equal": ["temm"]}, "equal: no rule has", "team"),
    ],
)
def test_an_inhibition_that_can_never_hold_is_refused(folder, table, says, hint):
    """Where the file alone shows it; SQL may give any label, so that it shows nothing then."""
    rules = load_rules([{"name": "slow answers", "metric": "event_count", "window": "5m", "above": 1}])
    rules = (rules[0].model_copy(update={"labels": {"team": "a"}, "group_by_": ["model_version"]}),)
    with pytest.raises(ConfigError) as error:
        check(rules, Policy.of(rules, [table]))
    assert says in error.value.message
    assert hint in error.value.hint
    sql = load_rules([{"name": "s", "sql": "SELECT 1 AS value, 'x' AS temm", "window": "5m", "above": 1}])
    if "label" in says or "equal" in says:
        check((*rules, *sql), Policy.of(rules, [table]))
    lines = ", ".join(f'{k} = "{v}"' for k, v in table["target"].items())
    configure(folder, f'{RULES}\n[[inhibit]]\nsource = {{ rule = "nothing" }}\ntarget = {{ {lines} }}\n')
    assert reckon("monitor", "--as-of", AT, folder=folder)[0] == 2


def test_a_silence_for_what_there_is_not_is_made_and_doubted(folder):
    """On stderr and in the answer: what is to come may have the label."""
    words = ("alerts", "silence", "add", "--for", "2h", "--by", "ann", "--comment", "x")
    reckon("monitor", "--as-of", AT, folder=folder)
    code, answer, err = reckon(*words, "--match", "rule=slow answer", "--match", "model_verison=v1", folder=folder)
    assert (code, len(answer["rows"])) == (0, 1)
    assert "no rule matches rule=slow answer; did you mean 'slow answers'?" in err
    assert "no rule has a label 'model_verison'; did you mean 'model_version'?" in err
    assert len(answer["warnings"]) == 2
    fine = ("--match", "rule=slow*", "--match", "model_version!=v1", "--match", "team=agents")
    code, answer, err = reckon(*words, *fine, folder=folder)
    assert (code, err) == (0, "")
    assert "warnings" not in answer


def test_a_folder_to_ingest_that_is_not_there_is_refused(folder, monkeypatch):
    """Before cron finds out, every five minutes."""
    monkeypatch.chdir(folder)
    (folder / "spool").mkdir()
    code, _, err = reckon("monitor", "--install", "cron", "--with-ingest", "spol", folder=folder)
    assert code == 2
    assert "there is no such file or folder" in err
    assert "did you mean 'spool'?" in err


NEVER_SEEN = {
    'metric = "event_count"\nwhere = { model = "tren" }': "where.model is 'tren', which no event has in the 14 days",
    'metric = "event_count"\nwhere = { model = ["tern", "moor"] }': "where.model is 'moor'",
    'metric = "latency_p95_ms"\ngroup_by = ["variant"]': "group_by names 'variant', which no event has",
    'kind = "quality"\ncheck = "null_share"\nsubject = "feature:agee"': "'feature:agee' is in no event",
    'kind = "quality"\ncheck = "out_of_range"\nmin = 0\nsubject = "feature:siz"': "did you mean 'size'?",
}


def test_a_writer_that_was_never_heard_from_is_doubted(folder):
    """It fires as one does that has stopped."""
    configure(folder, '[[rules]]\nname = "h"\nkind = "heartbeat"\nwhere = { model = "tren" }\nevery = "1m"\n')
    code, answer, _ = reckon("monitor", "--as-of", AT, folder=folder)
    assert code == 1
    assert "did you mean 'tern'?" in answer["warnings"][0]


@pytest.mark.parametrize(("keys", "says"), NEVER_SEEN.items())
def test_words_that_the_lake_has_never_seen_are_doubted(folder, keys, says):
    """In a dry run, whatever the rule finds, beside its answer; the other rules are judged as ever."""
    configure(folder, f'{RULES}\n[[rules]]\nname = "r"\nwindow = "5m"\nabove = 0.5\n{keys}\n')
    code, answer, err = reckon("monitor", "--as-of", AT, "--dry-run", folder=folder)
    assert code in (0, 1, 3)
    assert "r" in {row["rule"] for row in answer["rows"]}
    assert len(answer["warnings"]) == err.count("warning: ") == 1
    assert says in err
    code, answer, err = reckon("monitor", "--as-of", AT, folder=folder)
    # A run of every five minutes asks only of rules that look as if: this one finds what one of its values has.
    assert err.count("warning: ") == ("moor" not in says)


def test_rules_that_the_lake_knows_are_not_doubted(folder):
    """Nor does a run without windows ask at all."""
    more = 'kind = "quality"\ncheck = "null_share"\nsubject = "feature:age"\nwhere = { model = "tern" }'
    configure(folder, f'{RULES}\n[[rules]]\nname = "r"\nwindow = "5m"\nabove = 0.5\n{more}\n')
    for option in (["--dry-run"], [], []):
        _, answer, err = reckon("monitor", "--as-of", AT, *option, folder=folder)
        assert (answer["warnings"], err) == (None, "")
