"""User ids are hashed on disk wherever they stand: in events, in what is left of them, and in refused lines."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ingest.lakes import NOW, Place, joined

from deadreckon.core.lake import Lake
from deadreckon.core.schema import alias_table
from deadreckon.core.settings import RedactionSettings, Settings
from deadreckon.ingest.quarantine import replay
from deadreckon.ingest.redact import Redactor
from deadreckon.ingest.redact.escapes import without_torn_end
from deadreckon.ingest.redact.users import Users, user_keys

SALT = "pepper"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("DEADRECKON_SALT", SALT)
    return Place(tmp_path)


def hashed(user: str) -> str:
    """A user id as it is stored."""
    return "sha256:" + hashlib.sha256((SALT + user).encode()).hexdigest()


def users(*more: str) -> Users:
    """The keys of user ids, and more of the user's own."""
    return Users(user_keys(alias_table(dict.fromkeys(more, "user_id"))), SALT)


ALICE = hashed("alice")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('{"user_id": "alice", "a":  1.0}', f'{{"user_id": "{ALICE}", "a":  1.0}}'),
        ('{"user.id":"alice"}', f'{{"user.id":"{ALICE}"}}'),
        ('{"user":{"id":"alice","role":"admin"}}', f'{{"user":{{"id":"{ALICE}","role":"admin"}}}}'),
        ('{"enduser.id":"alice"}', f'{{"enduser.id":"{ALICE}"}}'),
        ('{"mlflow.trace.user":"alice"}', f'{{"mlflow.trace.user":"{ALICE}"}}'),
        ('{"record":{"extra":{"user_id":"alice"}}}', f'{{"record":{{"extra":{{"user_id":"{ALICE}"}}}}}}'),
        (
            '{"attributes":[{"key":"user.id","value":{"stringValue":"alice"}}]}',
            f'{{"attributes":[{{"key":"user.id","value":{{"stringValue":"{ALICE}"}}}}]}}',
        ),
        (
            '{"attributes":[{"key":"user.id","value":{"intValue":"42"}}]}',
            f'{{"attributes":[{{"key":"user.id","value":{{"stringValue":"{hashed("42")}"}}}}]}}',
        ),
        (r'{"log":"{\"user_id\":\"alice\"}\n"}', rf'{{"log":"{{\"user_id\":\"{ALICE}\"}}\n"}}'),
        (r'{"user\u005fid":"ali\u0063e"}', rf'{{"user\u005fid":"{ALICE}"}}'),
        ('{"user_id":["alice",null]}', f'{{"user_id":["{ALICE}",null]}}'),
        ('{"user_id":{"name":"alice","n":42}}', f'{{"user_id":{{"name":"{ALICE}","n":"{hashed("42")}"}}}}'),
        ('{"user_id":42}', f'{{"user_id":"{hashed("42")}"}}'),
        ('{"customer":"alice"}', f'{{"customer":"{ALICE}"}}'),
        ('{"user_id": "alice", "x": oops}', f'{{"user_id": "{ALICE}", "x": oops}}'),
        ('{"user": {"id": "alice", "x": oops', f'{{"user": {{"id": "{ALICE}", "x": oops'),
        ('{"x": 1, "user_id": "alice', f'{{"x": 1, "user_id": "{ALICE}'),
        ("login failed user_id=alice ip=10.0.0.1", f"login failed user_id={ALICE} ip=10.0.0.1"),
    ],
)
def test_user_ids_are_hashed_in_a_line(raw: str, expected: str) -> None:
    """By their key, at any depth, in JSON and in what is none; every other byte stays, and a second time all do."""
    hide = users("customer").line
    assert hide(raw.encode()).decode() == expected
    assert hide(expected.encode()).decode() == expected


@pytest.mark.parametrize(
    "raw",
    [
        b'{"user_id":null,"user":"bob","user":{"name":"x"},"id":7,"role":"user"}',
        b'{"user_id": null, oops}',
        b"\xff user",
        b'{"user_id"',
        b'{"user":' * 3000 + b"1" + b"}" * 3000,
        b"[" * 100_000 + b'"user_id":',
        b'{"user_id":null,"a":' + b"[" * 490 + b"1," * 200_000,
        b"",
    ],
)
def test_a_line_without_a_user_id_is_the_same_bytes(raw: bytes) -> None:
    """Nothing else that is called user or id is touched; depth and damage are no trouble."""
    assert users().line(raw) == raw


@pytest.mark.parametrize(
    "user",
    ['"alice"', '"a@b.com"', "42", "1E5", "1.10", "-0", "true", '""', r'"\u00e9\n"', '"é"', r'"\ud800x"'],
)
def test_replayed_user_is_the_one_it_would_have_been(place: Place, user: str) -> None:
    """A user id that was hashed in the quarantine is the one that the decoder stores, whatever it is written like."""
    fine = Settings()
    path = place.write("app.log", [f'{{"case": 1, "duration_ms": "soon", "user_id": {user}}}'])
    place.ingest(path, using=fine)
    (row,) = place.quarantined()
    fixed = Settings.model_validate({"aliases": {"duration_ms": "error_message"}})
    assert replay(Lake.open(place.lake), fixed, clock=lambda: NOW).committed == 1
    other = Place(place.root, place.root / "other")
    other.ingest(path, using=fixed)

    assert json.loads(row["raw"])["user_id"].startswith("sha256:")
    assert row["quarantine_id"] == f"{row['source_id']}:0"
    assert place.events() == other.events()


names = st.sampled_from(
    ["user", "id", "user_id", "user.id", "x.user.id", "x.user", "a.user_id", "langfuse", "key", "value", "USER.ID", "m"]
)
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(["alice", "é", "", "user_id", "x.user.id"]))
objects = st.dictionaries(names, st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(names, inner)))


@given(value=objects)
def test_lines_without_escapes_are_hashed_like_those_with_them(value: dict[str, Any]) -> None:
    """The short way, which lines without a backslash take, leads to the same as taking the line apart."""
    short, long = ({**value, "z": text} for text in ("", "\n"))
    hide = users().line
    new, other = (json.loads(hide(json.dumps(line, ensure_ascii=False).encode())) for line in (short, long))
    assert {**new, "z": ""} == {**other, "z": ""}


def test_no_user_id_in_the_quarantine(place: Place) -> None:
    """By default no refused line tells a user id, neither in its text nor in what is said about it."""
    user = "jane-roe-1977"
    lines: list[Any] = [
        {"duration_ms": "soon", "user_id": user},
        {"user_id": {"name": user}},
        {"user_id": [user], "user.id": user},
        {"duration_ms": "soon", "user": {"id": user}},
        f'{{"user_id": "{user}", "a": 1, "a": 2}}',
        f'{{"user_id": "{user}", oops}}',
        f'{{"event": "x", "user_id": "{user}',
        f'{{"user_id": "{user}", "m": "caf'.encode() + b'\xe9"}',
        {"user_id": user, "event": "x" * 5000},
        '{"attributes":[{"key":"user.id","value":{"stringValue":"' + user + '"}},',
    ]
    place.ingest(place.write("app.log", lines), using=Settings.model_validate({"ingest": {"max_line_bytes": 2048}}))

    found = place.quarantined()
    assert len(found) == len(lines)
    codes = {row["error_code"] for row in found}
    assert codes >= {"wrong_type", "invalid_json", "invalid_utf8", "duplicate_key", "oversize"}
    ends = [len(joined([line])) for line in lines]
    assert [row["source_offset"] for row in found] == [sum(ends[:n]) for n in range(len(lines))]
    for row in found:
        assert user not in str(row), row
        raw = row["raw"]
        if row["raw_encoding"] == "base64":
            raw = base64.b64decode(raw).decode("utf-8", "replace")
            assert user not in raw
        assert hashed(user) in raw


def test_user_ids_that_are_kept_are_kept_in_the_quarantine(place: Place) -> None:
    """Where user ids are stored as they are, a refused line stays as it is."""
    raw = '{"duration_ms": "soon", "user_id": "alice"}'
    keep = Settings.model_validate({"redaction": {"user_id": "keep"}})
    place.ingest(place.write("app.log", [raw]), using=keep)
    assert [row["raw"] for row in place.quarantined()] == [raw]


@pytest.mark.parametrize(
    "line",
    [
        {"user_id": "alice", "user.id": "bob"},
        {"user_id": "alice", "user": {"id": "bob"}},
        {"user_id": "alice", "user.id": 5, "enduser.id": "bob"},
    ],
)
def test_of_two_user_ids_none_is_told(place: Place, line: dict[str, Any]) -> None:
    """The one that is not the event's stays among the attributes, hashed as well."""
    place.ingest(place.write("app.log", [line]), using=Settings())
    (event,) = place.events()
    assert event["user_id"] == ALICE
    assert "bob" not in str(event)
    assert hashed("bob") in str(event["attributes"])


def test_users_stay_apart_in_mode_mask(place: Place) -> None:
    """User ids that are addresses are as many users after redaction as before, and no address is left."""
    masked = Settings.model_validate({"redaction": {"patterns": ["email"], "custom": {"digits": "[0-9]{3}"}}})
    mails = [f"user{n}@example.org" for n in range(5)]
    lines: list[Any] = [{"user_id": mail, "event": f"mail to {mail}"} for mail in mails]
    lines += [
        {"user": {"id": mails[0]}},
        {"user_id": mails[1], "note": "a\nb"},
        {"user.id": mails[2], "deep": [mails[3]]},
    ]
    place.ingest(place.write("app.log", lines), using=masked)

    events = place.events()
    assert [e["user_id"] for e in events] == [hashed(m) for m in [*mails, *mails[:3]]]
    assert "example.org" not in str(events)
    assert events[0]["event"] == "mail to [email]"


def test_a_masked_user_in_a_torn_line_and_in_json_within_text() -> None:
    """Also where a line is no JSON, in OTLP, and behind escapes, an address as a user id becomes its hash."""
    redact = Redactor(RedactionSettings(patterns=["email"]), {"DEADRECKON_SALT": SALT})
    jane = hashed("jane@example.org")
    for raw, expected in {
        '{"user_id": "jane@example.org", oops': f'{{"user_id": "{jane}", oops',
        r'{"m":"{\"user_id\":\"jane@example.org\"}"}': rf'{{"m":"{{\"user_id\":\"{jane}\"}}"}}',
        '{"key":"user.id","value":{"stringValue":"jane@example.org"}}': (
            f'{{"key":"user.id","value":{{"stringValue":"{jane}"}}}}'
        ),
        '{"user_id":"jane@example.org","users":["jane@example.org"]}': f'{{"user_id":"{jane}","users":["[email]"]}}',
    }.items():
        assert redact.json_line(raw.encode()).decode() == expected
        assert redact.json_line(expected.encode()).decode() == expected
    own = Redactor(RedactionSettings(keys=["user_id"], patterns=["email"]), {"DEADRECKON_SALT": SALT})
    assert own.json_line(b'{"user_id":"jane@example.org"}') == b'{"user_id":"[user_id]"}', "a key that is named goes"


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        ('{"event":"mail jane.doe@exam', '{"event":"mail '),
        ('{"event":"card 4242 4242 42', '{"event":"card '),
        ('{"event":"call +49 30 12', '{"event":"call '),
        ('{"event":"key sk-proj-Zq8v', '{"event":"key '),
        ('{"a":"1 2","b":"jane', '{"a":"1 2","b":"'),
        ("", ""),
        ("word", ""),
    ],
)
def test_the_end_of_a_head_holds_no_half_of_a_secret(head: str, kept: str) -> None:
    """What a secret may have been cut through is left away."""
    assert without_torn_end(head) == kept


@pytest.mark.parametrize(
    "secret",
    ["jane.doe@example.org", "4242 4242 4242 4242", "+49 30 1234567", "sk-proj-Zq8vN3xT5kYbW7uR2mPcD4fG", "hunter two"],
)
def test_an_oversize_line_cut_through_a_secret(place: Place, secret: str) -> None:
    """Wherever in a secret the 4 KiB end, no part of it that tells something is kept."""
    using = Settings.model_validate(
        {
            "redaction": {"keys": ["pin"], "patterns": ["email", "phone", "card", "api_key"]},
            "ingest": {"max_line_bytes": 5000},
        }
    )
    key = "pin" if secret.startswith("hunter") else "event"
    lines = []
    for cut in range(len(secret) + 1):
        start = f'", "{key}": "'
        pad = "x " * 3000
        lines.append('{"pad": "' + pad[: 4096 - 9 - len(start) - cut] + start + secret + " " + "y" * 3000 + '"}')
    place.ingest(place.write("app.log", lines), using=using)

    heads = [row["raw"] for row in place.quarantined()]
    assert len(heads) == len(lines)
    assert all(len(head) > 4000 for head in heads)
    for head in heads:
        said = head.partition(f'"{key}": "')[2]
        assert said in ("", "[email]", "[card]", "[phone]", "[api_key]", "[pin]"), said
