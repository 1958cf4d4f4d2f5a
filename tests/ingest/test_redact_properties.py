"""Redaction, whatever the lines are: no planted secret survives, and nothing else changes."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deadreckon.core.settings import RedactionSettings
from deadreckon.ingest.redact import Redactor

SETTINGS: dict[str, Any] = {
    "keys": ["password", "user.ssn", "Größe"],
    "patterns": ["email", "phone", "card", "api_key"],
    "custom": {"employee": r"EMP-\d{4}"},
}
MASK = Redactor(RedactionSettings(**SETTINGS), {})
HASH = Redactor(RedactionSettings(mode="hash", **SETTINGS), {"DEADRECKON_SALT": "pepper"})

word = st.text(string.ascii_letters, min_size=1, max_size=12)
digits = st.integers(0, 10**9 - 1).map("{:09}".format)
key_text = st.text(string.ascii_letters + string.digits, min_size=36, max_size=44)


def _luhn(body: str) -> str:
    for check in string.digits:
        number = body + check
        values = [int(d) << (i & 1) for i, d in enumerate(reversed(number))]
        if sum(v - 9 if v > 9 else v for v in values) % 10 == 0:
            return number
    raise AssertionError


def _grouped(number: str, gap: str) -> str:
    sizes = (4, 6, 5) if len(number) == 15 else (4,) * 4
    parts, at = [], 0
    for size in sizes:
        parts.append(number[at : at + size])
        at += size
    return gap.join(parts)


emails = st.builds("{}.{}@{}.{}".format, word, word, word, st.sampled_from(["com", "example", "co.uk", "рф"]))
cards = st.builds(
    lambda start, rest, gap: _grouped(_luhn((start + rest + rest)[: 14 if start == "37" else 15]), gap),
    st.sampled_from(["4", "51", "55", "37", "6011"]),
    digits,
    st.sampled_from(["", " ", "-"]),
)
phones = st.one_of(
    st.builds(
        "+{}{}{}{}{}".format,
        st.integers(1, 99),
        st.sampled_from(["", " ", "-", "\u00a0"]),
        digits,
        st.just(" "),
        digits,
    ).map(lambda s: s[:13].rstrip()),
    st.builds("({}) {}-{}".format, st.integers(200, 999), st.integers(200, 999), st.integers(1000, 9999)),
    st.builds("0{}{}{}".format, st.integers(30, 999), st.sampled_from([" ", "/", "-"]), st.integers(10**6, 10**8 - 1)),
)
keys = st.one_of(
    st.sampled_from(["sk-", "sk-proj-", "ghp_", "hf_", "AKIA", "Bearer "]).flatmap(
        lambda start: key_text.map(lambda k: start + (k.upper()[:16] if start == "AKIA" else k))
    ),
    st.builds("eyJ{}.eyJ{}.{}".format, key_text, key_text, key_text),
)
employees = st.integers(1000, 9999).map("EMP-{}".format)
secrets = st.one_of(emails, cards, phones, keys, employees)

# What stands around a secret in text: ends of sentences, quotes, brackets, controls, other alphabets.
edge = st.sampled_from(
    ["", " ", "\n", "\t", '"', "'", "(", ")", "<", ">", ", ", "; ", "\u00a0", "\u2028", "…", "好", "\\ "]
)
plain = st.text(st.characters(exclude_categories=["Nd", "Cs"], exclude_characters="@%+:=/_-.'"), max_size=10)


@dataclass(frozen=True)
class Planted:
    """A JSON value with secrets in known places."""

    value: Any
    secrets: tuple[str, ...]


def _text(before: str, left: str, secret: str, right: str, after: str) -> Planted:
    return Planted(f"{before} {left}{secret}{right} {after}", (secret.removeprefix("Bearer "),))


texts = st.builds(_text, plain, edge, secrets, edge, plain)
removed = word.map(lambda w: Planted({"PassWord": {"x": ["q" + w * 3]}}, ("q" + w * 3,)))
clean = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False),
    plain,
    st.integers(10**20, 10**30),
).map(lambda v: Planted(v, ()))


def _object(items: list[tuple[str, Planted]]) -> Planted:
    return Planted({k: p.value for k, p in items}, tuple(s for p in dict(items).values() for s in p.secrets))


def _list(items: list[Planted]) -> Planted:
    return Planted([p.value for p in items], tuple(s for p in items for s in p.secrets))


def _nested(inner: Planted) -> Planted:
    return Planted(json.dumps(inner.value), inner.secrets)


names = st.one_of(word, st.sampled_from(["event", "ts", "user_id", "a b", "é", "value"]))
values = st.recursive(
    st.one_of(texts, clean, removed),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(_list),
        st.lists(st.tuples(names, inner), max_size=4).map(_object),
        st.lists(st.tuples(names, inner), min_size=1, max_size=3).map(_object).map(_nested),
    ),
    max_leaves=8,
)
objects = st.lists(st.tuples(names, values), max_size=5).map(_object)


@st.composite
def written(draw: st.DrawFn, planted: Planted) -> bytes:
    """The value as some logger might write it: spaces, and characters that are escaped though they need not be."""
    spaced = draw(st.booleans())
    text = json.dumps(
        planted.value, ensure_ascii=draw(st.booleans()), separators=(", ", ": ") if spaced else (",", ":")
    )
    if draw(st.booleans()):
        text = text.replace("/", "\\/")
    for char in draw(st.lists(st.sampled_from("@.EMPs-4+k "), max_size=2)):
        if char == " " and spaced:
            continue
        text = "".join(
            f"\\u{ord(c):04x}" if c == char and quoted and not escaped else c for c, quoted, escaped in _inside(text)
        )
    return text.encode()


def _inside(text: str) -> Iterator[tuple[str, bool, bool]]:
    """Each character, whether it stands inside a string, and whether it is part of an escape."""
    quoted, skip = False, 0
    for index, char in enumerate(text):
        if skip:
            skip -= 1
            yield char, quoted, True
        elif quoted and char == "\\":
            skip = 5 if text[index + 1] == "u" else 1
            yield char, quoted, True
        else:
            yield char, quoted, False
            if char == '"':
                quoted = not quoted


def strings(value: Any) -> Iterator[str]:
    """Every text in a value, keys and JSON inside strings included."""
    if isinstance(value, str):
        yield value
        if value[:1] in ("{", "["):
            try:
                yield from strings(json.loads(value))
            except ValueError:
                pass  # text that only begins like JSON
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def chunk(redact: Redactor, lines: list[bytes]) -> list[bytes]:
    """These lines after redaction of the chunk that they make."""
    starts = np.cumsum([0, *(len(line) + 1 for line in lines[:-1])]).astype(np.int64)
    changed = redact.lines_to_change(b"\n".join(lines), starts)
    return [changed.get(index, line) for index, line in enumerate(lines)]


@settings(max_examples=100, deadline=None)
@given(data=st.data(), planted=objects, hashed=st.booleans())
def test_no_planted_secret_survives(data: st.DataObject, planted: Planted, hashed: bool) -> None:
    """However deep it stands and however it is escaped; the line stays JSON of the same shape."""
    redact = HASH if hashed else MASK
    raw = data.draw(written(planted))
    (new,) = chunk(redact, [raw])
    assert new == redact.json_line(raw)
    found = json.loads(new)
    everything = [new.decode(), *strings(found)]
    for secret in planted.secrets:
        assert not any(secret in text for text in everything), (secret, new)
    assert redact.json_line(new) == new, "what was redacted is not touched again"
    assert list(found) == list(json.loads(raw))


def test_user_ids_in_a_list_are_hashed_whichever_way_a_line_is_redacted() -> None:
    """The fast way leaves to the exact one what it cannot tell."""
    raw = b'{"user_id":[" A.A@A.com "],"to":["B.B@B.com"]}'
    assert chunk(MASK, [raw]) == [MASK.json_line(raw)]
    assert b"sha256:" in MASK.json_line(raw)
    assert b"[email]" in MASK.json_line(raw)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), planted=objects, cut=st.floats(0, 1))
def test_no_planted_secret_survives_in_a_torn_line(data: st.DataObject, planted: Planted, cut: float) -> None:
    """The beginning of a line goes to the quarantine: whole secrets in it are found all the same."""
    raw = data.draw(written(planted))
    torn = raw[: int(len(raw) * cut)]
    (new,) = chunk(MASK, [torn])
    assert new == MASK.json_line(torn)
    for secret in planted.secrets:
        # Torn out of its string, text in JSON inside a string has its escapes doubled: there only plain secrets count.
        if secret.encode() in torn and '"' not in secret:
            assert secret not in new.decode(errors="replace"), (secret, torn, new)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), planted=st.lists(st.tuples(names, clean), max_size=6).map(_object))
def test_a_clean_line_is_the_same_bytes(data: st.DataObject, planted: Planted) -> None:
    """Nothing is decoded and written again that holds no secret."""
    raw = data.draw(written(planted))
    assert MASK.json_line(raw) == raw
    assert chunk(MASK, [raw]) == [raw]


@settings(max_examples=80, deadline=None)
@given(
    lines=st.lists(
        st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode), secrets.map(str.encode)), min_size=1
    )
)
def test_a_chunk_is_redacted_as_its_lines_are(lines: list[bytes]) -> None:
    """The pass over the whole chunk misses no line that would change by itself, whatever bytes it is made of."""
    lines = [line.replace(b"\n", b"") for line in lines]
    assert chunk(MASK, lines) == [MASK.json_line(line) for line in lines]


@settings(max_examples=80, deadline=None)
@given(planted=objects, hashed=st.booleans())
def test_the_quick_way_and_the_thorough_way_agree(planted: Planted, hashed: bool) -> None:
    """A line without escapes is swept as a whole, one with an escape is taken apart: with the same result."""
    redact = HASH if hashed else MASK
    raw = json.dumps(planted.value, ensure_ascii=False).encode()
    with_escape = raw[:-1] + (b', "zz":' if len(raw) > 2 else b'"zz":') + b'"\\u00e9"}'
    thorough = json.loads(redact.json_line(with_escape))
    del thorough["zz"]
    assert json.loads(redact.json_line(raw)) == thorough
