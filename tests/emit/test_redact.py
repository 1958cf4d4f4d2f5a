"""Secrets in content are masked before they leave the process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.emit.conftest import SpoolFolder

from deadreckon import emit
from deadreckon.emit._redact import Redaction

ALL = Redaction.of(["email", "phone", "card", "api_key", "key:password"])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail bob.o@shop.example.com now", "mail [email] now"),
        ("call +49 30 1234567 or (415) 555-0132", "call [phone] or [phone]"),
        ("card 4111 1111 1111 1111.", "card [card]."),
        ("order 4111 1111 1111 1112", "order 4111 1111 1111 1112"),
        ("key sk-proj-abcdefghijklmnopqrstuv", "key [api_key]"),
        ("AKIAIOSFODNN7EXAMPLE", "[api_key]"),
        ("password=hunter2&x=1", "password=[password]&x=1"),
        ('{"password": "hunter2"', '{"password": [password]'),
        ("nothing here, v1.2.3 at 10:30", "nothing here, v1.2.3 at 10:30"),
    ],
)
def test_text_is_masked(text: str, masked: str) -> None:
    """By form; what only looks similar stays."""
    assert ALL.text(text) == masked


def test_values_are_masked_at_any_depth() -> None:
    """By key and by form; what has no secret is the very same object."""
    value = {"messages": [{"content": "I am bob@x.example"}], "Password": {"a": 1}, "n": 5}
    assert ALL.value(value) == {"messages": [{"content": "I am [email]"}], "Password": "[password]", "n": 5}
    clean = {"a": [1, "b"]}
    assert ALL.value(clean) is clean


def test_content_is_masked_before_it_is_cut_hashed_or_written(spool: SpoolFolder) -> None:
    """A secret that the cut went through would not be known any more."""
    spool.configure(capture="text", capture_limit=20, redact=["email"])
    with emit.span("x", input="mail to bob@shop.example.com") as span:
        span.set(output={"to": "bob@shop.example.com"})
    event = spool.event()
    assert event["input"] == "mail to [email]"
    assert event["output"] == {"to": "[email]"}
    assert b"bob" not in next(spool.path.iterdir()).read_bytes()


def test_arguments_of_traced_functions_are_masked(spool: SpoolFolder) -> None:
    """By the name of the argument."""
    spool.configure(capture="text", redact=["key:token"])

    @emit.trace
    def login(user: str, token: str) -> str:
        return f"token={token}"

    login("bob", "t0p")
    event = spool.event()
    assert event["input"] == {"user": "bob", "token": "[token]"}
    assert event["output"] == "token=[token]"


def test_a_spelling_mistake_in_the_environment_masks_more_and_not_less(tmp_path: Path) -> None:
    """Said on stderr; a mistake must not let out what was to be kept back."""
    from tests.emit.spools import events, start

    code = "from deadreckon import emit\nwith emit.span('x', input='a@b.example'): pass"
    process = start(code, tmp_path / "spool", DEADRECKON_REDACT="e-mail", DEADRECKON_CAPTURE="text")
    _, said = process.communicate(timeout=60)
    assert "DEADRECKON_REDACT='e-mail'" in said
    assert events(tmp_path / "spool")[0]["input"] == "[email]"


def test_an_argument_that_names_no_form_is_refused(spool: SpoolFolder) -> None:
    """By configure."""
    with pytest.raises(ValueError, match="key:NAME"):
        spool.configure(redact=["ssn"])


@pytest.mark.parametrize(
    "hostile", ["a" * 200_000, "1 " * 100_000, "a@" * 100_000, "+1" * 100_000, "password:" * 20_000]
)
def test_hostile_text_takes_linear_time(hostile: str) -> None:
    """The test's own time limit would end it otherwise."""
    assert isinstance(ALL.text(hostile), str)


def test_any_object_survives_masking(spool: SpoolFolder) -> None:
    """What JSON cannot hold is plain data before it is looked at."""
    spool.configure(capture="text", redact=["email"])
    odd: dict[Any, Any] = {1: {"x"}, "self": object()}
    odd["round"] = odd
    with emit.span("x", input=odd):
        pass
    assert spool.event()["input"]["round"] == "<circular>"
