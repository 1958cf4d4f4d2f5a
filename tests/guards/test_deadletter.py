"""Steps that failed for good are kept with their inputs, and replayed at most once."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder
from tests.emit.spools import ROOT, start
from tests.guards import jobs

from deadreckon import emit
from deadreckon.emit import _letters as kept


@pytest.fixture(autouse=True)
def _broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spool: SpoolFolder) -> None:
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("DEADRECKON_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("BROKEN", "1")
    spool.configure()


def fail(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """Make a charge fail, and return its letter."""
    with pytest.raises(ConnectionError):
        jobs.charge(*args, **kwargs)
    return kept.letters()[-1]


def reckon(*words: str, **env: str) -> tuple[int, Any, str]:
    """Run a command; its exit code, what it printed as JSON, and what it said."""
    done = subprocess.run(
        [sys.executable, "-c", "from deadreckon.cli import main; raise SystemExit(main())", "deadletter", *words],
        cwd=ROOT,
        env={**os.environ, "DEADRECKON_SPOOL": str(Path(os.environ["CALLS"]).with_name("reckon-spool")), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def test_a_failed_step_is_kept_with_its_inputs_and_its_place(spool: SpoolFolder) -> None:
    """The exception passes through; the letter says what, with what, where and why."""
    with emit.bound(request_id="r-1"), pytest.raises(ConnectionError), emit.span("agent") as span:
        jobs.charge("o-1", 9.5, 1, 2, note_="gift")
    (one,) = kept.letters()
    assert one["input"] == {"order": "o-1", "amount": 9.5, "rest": [1, 2], "note_": "gift"}
    assert (one["name"], one["entry"]) == ("charge", "tests.guards.jobs:charge")
    assert (one["error_type"], one["error_message"]) == ("ConnectionError", "no route for o-1")
    assert (one["trace_id"], one["context"]["request_id"]) == (span.trace_id, "r-1")
    assert (one["state"], one["attempts"], one["missing"]) == ("open", 1, [])
    event = next(e for e in spool.events() if e["kind"] == "decision")
    assert (event["name"], event["choice"], event["deadletter_id"]) == ("charge", "stored", one["id"])
    assert event["span_id"] == span.span_id


def test_what_succeeds_leaves_nothing(spool: SpoolFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither does a call that is wrong in itself."""
    with pytest.raises(TypeError):
        jobs.charge()  # type: ignore[call-arg]
    monkeypatch.delenv("BROKEN")
    jobs.charge("o-1", 1)
    assert kept.letters() == []


def test_a_replay_calls_the_function_with_the_same_inputs_once(
    spool: SpoolFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again, it returns what came of it; a replay that fails counts, makes no letter of its own, stays open."""
    one = fail("o-1", 9.5, 1, note_="x")
    with pytest.raises(ConnectionError):
        kept.replay(one["id"])
    assert [(e["id"], e["attempts"]) for e in kept.letters()] == [(one["id"], 2)]
    monkeypatch.delenv("BROKEN")
    assert kept.replay(one["id"]) == {"order": "o-1", "charged": 9.5}
    assert kept.replay(one["id"]) == {"order": "o-1", "charged": 9.5}
    assert jobs.calls() == ["charge o-1 9.5 (1,) x"] * 3
    assert [e["state"] for e in kept.letters(None)] == ["replayed"]
    said = [e["choice"] for e in spool.events() if e.get("guard") == "deadletter"]
    assert said == ["stored", "failed", "replayed"]


def test_coroutines_are_kept_and_replayed(spool: SpoolFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a loop of their own."""
    with pytest.raises(ConnectionError):
        asyncio.run(jobs.mail("bob", ["a", 1]))
    monkeypatch.delenv("BROKEN")
    (one,) = kept.letters()
    assert one["name"] == "mailing"
    assert kept.replay(one["id"]) == "sent"


def test_two_replays_at_once_make_one_call(spool: SpoolFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is told so, or gets the result."""
    one = fail("o-1", 1)
    monkeypatch.delenv("BROKEN")
    outcomes: list[Any] = []

    def work() -> None:
        try:
            outcomes.append(kept.replay(one["id"]))
        except emit.InFlightError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    assert jobs.calls() == ["charge o-1 1 () "] * 2  # the one that failed, and one replay


def test_a_replay_that_was_killed_is_not_made_again_unasked(
    spool: SpoolFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have done its work."""
    one = fail("o-1", 1)
    code = f"""
from deadreckon.emit import _letters as kept
letter = kept.letter({one["id"]!r})
kept.write(kept._file(letter["id"]), {{**letter, "input": {{"order": "o-1", "amount": 1}}}})
kept.replay(letter["id"], entry="tests.guards.jobs:die")
"""
    process = start(code, spool.path.with_name("elsewhere"), DEADRECKON_STATE=os.environ["DEADRECKON_STATE"])
    process.communicate(timeout=60)
    assert process.returncode == -9
    monkeypatch.delenv("BROKEN")
    with pytest.raises(emit.OutcomeUnknownError):
        kept.replay(one["id"])
    assert kept.letters()[0]["state"] == "open"
    assert kept.replay(one["id"], again=True)["order"] == "o-1"


@pytest.mark.parametrize(
    ("text", "missing"),
    [(object(), ["text"]), ({1: 2}, ["text"]), ("x" * 300_000, ["text"]), ("write to a@b.example", ["text", "to"])],
)
def test_inputs_that_are_not_kept_whole_must_be_given_again(
    spool: SpoolFolder, monkeypatch: pytest.MonkeyPatch, text: Any, missing: list[str]
) -> None:
    """Masked, too long, or no JSON: the letter says which; nothing is called with half an input."""
    spool.configure(redact=["email"])
    with pytest.raises(ConnectionError):
        asyncio.run(jobs.mail("a@b.example" if "to" in missing else "bob", text))
    monkeypatch.delenv("BROKEN")
    (one,) = kept.letters()
    assert set(one["missing"]) == set(missing)
    path = Path(os.environ["DEADRECKON_STATE"]) / "deadletters" / f"{one['id']}.json"
    assert b"a@b.example" not in path.read_bytes()
    assert path.stat().st_size < 40_000
    with pytest.raises(emit.DeadLetterError, match=r"does not hold all its inputs: .*text"):
        kept.replay(one["id"])
    assert len(jobs.calls()) == 1
    assert kept.replay(one["id"], given={"text": "new", "to": "eve"}) == "sent"
    assert jobs.calls()[-1] == "mail eve new"


def test_a_function_that_cannot_be_named_needs_another(spool: SpoolFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that was defined inside another."""

    @emit.deadletter
    def inner(order: str, amount: int) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        inner("o-9", 1)
    (one,) = kept.letters()
    with pytest.raises(emit.DeadLetterError, match="is not module:function"):
        kept.replay(one["id"])
    for entry in ("no.such:thing", "tests.guards.jobs:nothing", "os:sep", "os"):
        with pytest.raises(emit.DeadLetterError):
            kept.replay(one["id"], entry=entry)
    monkeypatch.delenv("BROKEN")
    assert kept.replay(one["id"], entry="tests.guards.jobs:charge") == {"order": "o-9", "charged": 1}


def test_on_a_full_disk_the_steps_own_error_is_what_is_seen(spool: SpoolFolder) -> None:
    """And the event says that the letter was lost."""
    state = Path(os.environ["DEADRECKON_STATE"])
    state.mkdir()
    (state / "deadletters").write_text("no folder")
    with pytest.raises(ConnectionError):
        jobs.charge("o-1", 1)
    (event,) = [e for e in spool.events() if e.get("guard") == "deadletter"]
    assert event["choice"] == "lost"
    assert str(state) in event["reason"]


def test_a_dropped_letter_is_not_replayed(spool: SpoolFolder) -> None:
    """It stays in the folder, for the record."""
    one = fail("o-1", 1)
    kept.drop(one["id"][:13])
    assert kept.letters() == []
    with pytest.raises(emit.DeadLetterError, match="is dropped"):
        kept.replay(one["id"])
    assert kept.letters("dropped")[0]["id"] == one["id"]


def test_a_damaged_letter_is_listed_and_can_be_dropped(spool: SpoolFolder) -> None:
    """The others are not hidden by it."""
    one, other = fail("o-1", 1), fail("o-2", 1)
    path = Path(os.environ["DEADRECKON_STATE"]) / "deadletters" / f"{one['id']}.json"
    path.write_bytes(path.read_bytes()[:50])
    assert [e["id"] for e in kept.letters()] == [other["id"]]
    assert [e["id"] for e in kept.letters("corrupt")] == [one["id"]]
    with pytest.raises(emit.DeadLetterError, match="is corrupt"):
        kept.replay(one["id"])
    kept.drop(one["id"])
    assert kept.letters("corrupt") == []


def test_the_command_lists_shows_replays_and_drops(spool: SpoolFolder) -> None:
    """From a shell, with the working directory among the places of modules; events go to the spool."""
    first, second = fail("o-1", 1), fail("o-2", 2)
    code, listed, _ = reckon("list")
    assert (code, [row["id"] for row in listed["rows"]]) == (0, [first["id"], second["id"]])
    assert listed["rows"][0]["entry"] == "tests.guards.jobs:charge"
    code, shown, _ = reckon("show", first["id"])
    assert (code, shown["input"]["order"]) == (0, "o-1")
    code, replayed, said = reckon("replay", "--all")
    assert (code, [row["outcome"] for row in replayed["rows"]]) == (1, ["failed", "failed"])
    assert "2 of 2 failed" in said
    code, replayed, _ = reckon("replay", first["id"], BROKEN="")
    assert (code, replayed["rows"][0]["result"]) == (0, {"order": "o-1", "charged": 1})
    assert reckon("drop", second["id"])[1] == {"dropped": 1}
    assert reckon("list")[1]["rows"] == []
    states = [row["state"] for row in reckon("list", "--state", "all")[1]["rows"]]
    assert states == ["replayed", "dropped"]
    events = [
        json.loads(line)["choice"]
        for path in sorted(Path(os.environ["CALLS"]).with_name("reckon-spool").glob("*.jsonl"))
        for line in path.read_text().splitlines()
        if '"guard":"deadletter"' in line
    ]
    assert events == ["failed", "failed", "replayed", "dropped"]


def test_the_command_takes_other_inputs_and_another_function(spool: SpoolFolder) -> None:
    """As JSON."""
    one = fail("o-1", 1)
    code, replayed, _ = reckon(
        "replay", one["id"], "--with", "tests.guards.jobs:charge", "--set", "amount=7.5", BROKEN=""
    )
    assert (code, replayed["rows"][0]["result"]["charged"]) == (0, 7.5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "nothing"], "no dead letters begin with"),
        (["replay"], "name ids or say --all"),
        (["drop", "x", "--all"], "name ids or say --all"),
        (["list", "--state", "closed"], "--state is"),
        (["replay", "--all", "--set", "amount=bob"], "is not NAME=JSON"),
    ],
)
def test_the_command_says_what_is_wrong(spool: SpoolFolder, words: list[str], message: str) -> None:
    """With a hint, as exit code 2."""
    fail("o-1", 1)
    code, _, said = reckon(*words)
    error = json.loads(said)["error"]
    assert code == 2
    assert message in error["message"]
    assert error["hint"]
