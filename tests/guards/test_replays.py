"""Dead letters replayed beside others, dropped meanwhile, or not to be marked; inputs that JSON would change."""

from __future__ import annotations

import json
import os
import sys
import threading
import types
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder
from tests.guards.test_deadletter import reckon

from deadreckon import emit
from deadreckon.emit import _letters as kept


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spool: SpoolFolder) -> None:
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("DEADRECKON_STATE", str(tmp_path / "state"))
    spool.configure()


Define = Callable[..., Any]


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch) -> Define:
    """Return what puts a function into a module `steps`, so that a replay finds it by name."""
    module = types.ModuleType("steps")
    monkeypatch.setitem(sys.modules, "steps", module)

    def put(function: Any, *, name: str | None = None) -> Any:
        function.__module__, function.__qualname__ = "steps", name or function.__name__
        setattr(module, function.__qualname__, function)
        return function

    return put


def letter(step: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Let a step fail, and return its letter."""
    with pytest.raises(Exception, match="no route"):
        emit.deadletter(step)(*args, **kwargs)
    return kept.letters(None)[-1]


def choices(spool: SpoolFolder) -> list[str]:
    """What was said of letters."""
    return [event["choice"] for event in spool.events() if event.get("guard") == "deadletter"]


def fails(*_: Any, **__: Any) -> None:
    """Fail."""
    raise ConnectionError("no route")


@pytest.mark.parametrize("value", [Decimal(20), Decimal("0.5"), [Decimal(20)], {"a": {"b": Decimal("0.5")}}, b"x"])
def test_what_json_would_change_must_be_given_again(spool: SpoolFolder, define: Define, value: Any) -> None:
    """Money as a Decimal does not come back as a float."""
    one = letter(define(lambda amount: fails(), name="pay"), value)
    assert one["missing"] == ["amount"]
    with pytest.raises(emit.DeadLetterError, match=r"amount is .*, which JSON cannot hold"):
        kept.replay(one["id"])


def test_another_step_that_fails_in_a_replay_has_its_own_letter(spool: SpoolFolder, define: Define) -> None:
    """Only the step that is replayed makes no second one."""
    working = False

    @emit.deadletter("mailing")
    def mail(order: str) -> None:
        fails()

    def charge(order: str) -> str:
        if not working:
            fails()
        with pytest.raises(ConnectionError):
            mail(order)
        return "charged"

    one = letter(define(charge), "o-1")
    working = True
    assert kept.replay(one["id"]) == "charged"
    assert [(one["name"], one["input"]) for one in kept.letters()] == [("mailing", {"order": "o-1"})]


def test_another_function_is_given_what_it_takes(spool: SpoolFolder, define: Define) -> None:
    """So a method's letter can be replayed, though its object was not kept."""

    class Shop:
        def charge(self, order: str, amount: int) -> None:
            fails()

    one = letter(Shop.charge, Shop(), "o-1", 5)
    assert one["missing"] == ["self"]
    assert kept.replay(one["id"], entry=name(define(lambda order, amount: [order, amount], name="fixed"))) == ["o-1", 5]


def name(function: Any) -> str:
    """Return a function as an entry point."""
    return f"{function.__module__}:{function.__qualname__}"


def test_inputs_that_the_function_does_not_take_are_no_attempt(spool: SpoolFolder, define: Define) -> None:
    """A slip of the hand is told before anything is called."""
    one = letter(define(lambda order: fails(), name="charge"), "o-1")
    with pytest.raises(emit.DeadLetterError, match="ordr"):
        kept.replay(one["id"], given={"ordr": "o-2"})
    with pytest.raises(emit.DeadLetterError, match="missing a required argument"):
        kept.replay(one["id"], entry=name(define(lambda order, amount: order, name="fixed")))
    assert kept.letter(one["id"])["attempts"] == 1
    assert choices(spool) == ["stored"]


def test_a_letter_that_is_being_replayed_is_not_dropped(spool: SpoolFolder, define: Define) -> None:
    """And what a second replay finds afterwards is what the first one made of the letter."""
    begun, go = threading.Event(), threading.Event()
    working = False

    def charge(order: str) -> str:
        if not working:
            fails()
        begun.set()
        go.wait(20)
        return order

    one = letter(define(charge), "o-1")
    working = True
    thread = threading.Thread(target=kept.replay, args=(one["id"],))
    thread.start()
    begun.wait(20)
    try:
        with pytest.raises(emit.InFlightError):
            kept.drop(one["id"])
    finally:
        go.set()
        thread.join()
    assert (kept.letter(one["id"])["state"], kept.letter(one["id"])["attempts"]) == ("replayed", 2)
    assert kept.drop(one["id"])["state"] == "replayed"
    assert choices(spool) == ["stored", "replayed"]


def test_a_replay_that_was_killed_before_its_letter_was_marked_is_told(
    spool: SpoolFolder, define: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one returns the result, marks the letter and says so; no call is made again."""
    made = []
    working = False

    def charge(order: str) -> str:
        if not working:
            fails()
        made.append(order)
        return order

    one = letter(define(charge), "o-1")
    working = True
    kept.replay(one["id"])
    path = Path(os.environ["DEADRECKON_STATE"]) / "deadletters" / f"{one['id']}.json"
    from deadreckon.emit import _store

    _store.write(path, one)  # as it was
    assert kept.replay(one["id"]) == "o-1"
    assert kept.replay(one["id"]) == "o-1"
    assert (made, kept.letter(one["id"])["state"]) == (["o-1"], "replayed")
    assert choices(spool) == ["stored", "replayed", "replayed"]


def test_a_letter_that_cannot_be_marked_hides_neither_result_nor_error(spool: SpoolFolder, define: Define) -> None:
    """As on a disk that is full by then: the function's own outcome is what is seen."""
    outcome = "first"
    letters = Path(os.environ["DEADRECKON_STATE"]) / "deadletters"

    def charge(order: str) -> str:
        if outcome != "first":
            letters.rename(letters.with_name("away"))
            letters.write_text("no folder")
        if outcome != "works":
            fails()
        return order

    def back() -> None:
        letters.unlink()
        letters.with_name("away").rename(letters)

    one = letter(define(charge), "o-1")
    outcome = "fails"
    with pytest.raises(ConnectionError, match="no route"):
        kept.replay(one["id"])
    back()
    outcome = "works"
    assert kept.replay(one["id"]) == "o-1"
    back()
    assert kept.replay(one["id"]) == "o-1"


def test_a_script_is_not_looked_for_in_another(spool: SpoolFolder, define: Define) -> None:
    """`__main__` is whatever runs the replay."""
    one = letter(define(lambda order: fails(), name="charge"), "o-1")
    for entry in ("__main__:charge", "__mp_main__:charge"):
        with pytest.raises(emit.DeadLetterError, match="is a script's own"):
            kept.replay(one["id"], entry=entry)


def test_looking_makes_no_folder(tmp_path: Path) -> None:
    """A folder's name with a slip in it is told, and not made."""
    code, _, said = reckon("list", "--folder", str(tmp_path / "typo"))
    assert code == 2
    assert str(tmp_path / "typo") in json.loads(said)["error"]["message"]
    assert not (tmp_path / "typo").exists()


def test_a_program_without_letters_has_none(tmp_path: Path) -> None:
    """Where the state folder was not named, nothing is missing when it is not there."""
    assert reckon("list", DEADRECKON_STATE=str(tmp_path / "new"))[:2] == (
        0,
        {"count": 0, "columns": reckon("list")[1]["columns"], "rows": []},
    )
    assert not (tmp_path / "new").exists()


def test_the_command_counts_what_it_dropped(spool: SpoolFolder, define: Define) -> None:
    """A letter that is no longer open stays what it is; one that is dropped twice is dropped once."""
    one, other = (letter(define(lambda order: fails(), name="charge"), order) for order in ("o-1", "o-2"))
    assert reckon("drop", one["id"], other["id"])[1] == {"dropped": 2}
    assert reckon("drop", one["id"])[1] == {"dropped": 0}


def test_a_function_that_exits_does_not_end_the_command(tmp_path: Path, define: Define) -> None:
    """The others are replayed, and the table is printed."""
    (tmp_path / "exits.py").write_text(
        "def charge(order):\n    if order == 'o-1': raise SystemExit(3)\n    return order"
    )
    for order in ("o-1", "o-2"):
        letter(define(lambda order: fails(), name="charge"), order)
    code, table, _ = reckon("replay", "--all", "--with", "exits:charge", PYTHONPATH=f"{tmp_path}:{':'.join(sys.path)}")
    assert (code, [row["outcome"] for row in table["rows"]]) == (1, ["failed", "replayed"])
    assert "SystemExit" in table["rows"][0]["error"]


def test_a_letter_that_cannot_be_made_hides_no_error(spool: SpoolFolder, define: Define) -> None:
    """Whatever the inputs do when they are looked at."""

    class Odd:
        def __getattribute__(self, key: str) -> Any:
            if key == "__class__":
                raise RecursionError("no class")
            return super().__getattribute__(key)

    with pytest.raises(ConnectionError):
        emit.deadletter("\ud800")(define(lambda order: fails(), name="charge"))(Odd())
