"""Prompts, answers and users: what leaves the process, and in which form."""

from __future__ import annotations

import hashlib

import pytest
from tests.emit.conftest import SpoolFolder

from deadreckon import emit

TEXT = "What is my balance? Grüße"
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()


def speak() -> None:
    """Emit the text in each way there is."""
    with emit.span("answer", operation="chat", input=TEXT) as one:
        one.set(output=TEXT)
    emit.prediction({"y": 1}, input=TEXT, output=TEXT)
    emit.get_logger().info("x", input=TEXT, output=TEXT)
    emit.event("x", input=TEXT, output=TEXT)


def test_by_default_only_the_length_is_written(spool: SpoolFolder) -> None:
    """Content stays in the process unless somebody decides otherwise."""
    speak()
    for event in spool.events():
        assert (event["input_length"], event["output_length"]) == (len(TEXT), len(TEXT))
        assert {"input", "output", "input_hash", "output_hash"}.isdisjoint(event)
    assert not any(b"balance" in path.read_bytes() for path in spool.path.iterdir())


def test_the_hash_can_be_kept_without_the_text(spool: SpoolFolder) -> None:
    """Equal prompts can be counted without being read."""
    spool.configure(capture="hash")
    speak()
    assert {(event["input_hash"], event["output_hash"]) for event in spool.events()} == {(DIGEST, DIGEST)}
    assert not any(b"balance" in path.read_bytes() for path in spool.path.iterdir())


@pytest.mark.parametrize("on", ["text", True])
def test_text_is_kept_with_length_and_hash(spool: SpoolFolder, on: str | bool) -> None:
    """All three, so that a cut text is known by the others."""
    spool.configure(capture=on)
    speak()
    for event in spool.events():
        assert (event["input"], event["input_length"], event["input_hash"]) == (TEXT, len(TEXT), DIGEST)
        assert event["output"] == TEXT


def test_a_long_text_is_cut_and_length_and_hash_are_of_the_whole(spool: SpoolFolder) -> None:
    """The limit is in characters."""
    spool.configure(capture="text", capture_limit=10)
    emit.prediction({}, input="ü" * 25)
    event = spool.event()
    assert (event["input"], event["input_length"]) == ("ü" * 10, 25)
    assert event["input_hash"] == hashlib.sha256(("ü" * 25).encode()).hexdigest()


def test_structure_stays_json_while_it_is_small(spool: SpoolFolder) -> None:
    """Messages can be asked for by path; when cut they become text."""
    spool.configure(capture="text", capture_limit=40)
    message = [{"role": "user", "content": "hi"}]
    emit.prediction({}, input=message, output=message * 3)
    event = spool.event()
    assert event["input"] == message
    assert event["output"] == '[{"role":"user","content":"hi"},{"role":'
    assert event["output_length"] == len('{"role":"user","content":"hi"},') * 3 + 1


def test_one_span_can_keep_more_or_less_than_configured(spool: SpoolFolder) -> None:
    """A payment step stays closed where the rest is open."""
    spool.configure(capture="text")
    with emit.span("pay", input=TEXT, capture="off"):
        pass
    spool.configure(capture="off")
    with emit.span("greet", input=TEXT, capture="text"):
        pass
    pay, greet = spool.events()
    assert "input" not in pay
    assert greet["input"] == TEXT


def test_content_that_is_bound_is_treated_too(spool: SpoolFolder) -> None:
    """Binding is no way around."""
    with emit.bound(input=TEXT):
        emit.event("x")
    emit.get_logger(output=TEXT).info("x")
    assert not any(b"balance" in path.read_bytes() for path in spool.path.iterdir())
    assert [event.get("input_length", event.get("output_length")) for event in spool.events()] == [len(TEXT)] * 2


def test_a_length_that_the_caller_gives_does_not_open_the_content(spool: SpoolFolder) -> None:
    """What emit computes wins over what it is told."""
    emit.prediction({}, input=TEXT, input_length=3)
    assert "input" not in spool.event()
    assert spool.event()["input_length"] == len(TEXT)


def test_users_are_written_as_a_salted_hash(spool: SpoolFolder) -> None:
    """SHA-256 of salt and id, so that SQL can compute it too: 'sha256:' || sha256(salt || user_id)."""
    spool.configure(salt="pepper")
    emit.event("x", user_id="bob")
    assert spool.event()["user_id"] == "sha256:" + hashlib.sha256(b"pepperbob").hexdigest()


def test_the_salt_may_come_from_the_environment(spool: SpoolFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets belong there."""
    monkeypatch.setenv("DEADRECKON_SALT", "pepper")
    spool.configure()
    emit.event("x", user_id=17)
    assert spool.event()["user_id"] == "sha256:" + hashlib.sha256(b"pepper17").hexdigest()


def test_a_hash_is_not_hashed_again(spool: SpoolFolder) -> None:
    """An id that was taken from a line joins with that line."""
    emit.event("x", user_id="bob")
    first = spool.event()["user_id"]
    emit.event("x", user_id=first)
    assert [event["user_id"] for event in spool.events()] == [first, first]


def test_users_are_written_as_they_are_when_told_so(spool: SpoolFolder) -> None:
    """For ids that are pseudonyms already."""
    spool.configure(hash_user_id=False)
    emit.event("x", user_id="pseudo-1")
    assert spool.event()["user_id"] == "pseudo-1"


def test_a_field_of_ten_megabytes_does_not_cost_the_event(spool: SpoolFolder) -> None:
    """Ingest takes lines up to 8 MiB: the field is cut, and the event says so; the others are whole."""
    with emit.span("x", body="x" * 10_000_000, nested={"a": ["y" * 6_000_000]}, agent="a") as span:
        span.set(tokens=[1, 2])
    event = spool.event()
    assert (event["cut"], event["agent"], event["tokens"]) == (["body", "nested"], "a", [1, 2])
    assert event["body"].startswith("xxx")
    assert event["body"].endswith("... (10000000 characters)")
    assert len(next(spool.path.iterdir()).read_bytes()) < 200_000


def test_a_long_event_of_many_short_fields_stays_as_it_is(spool: SpoolFolder) -> None:
    """There is nothing in it to cut."""
    emit.event("x", **{f"field_{n}": "x" * 100 for n in range(50_000)})
    assert len(spool.event()) > 50_000
