"""Redaction: what is taken out, what is left alone, and what is said about wrong settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deadreckon.core.errors import ConfigError
from deadreckon.core.settings import RedactionSettings
from deadreckon.ingest.redact import Redactor

EVERYTHING = ["email", "phone", "card", "api_key"]
FIXTURES = Path(__file__).parents[1] / "fixtures" / "loggers"


def redactor(*, salt: str | None = None, **settings: object) -> Redactor:
    """A redactor with these settings; a salt means mode hash."""
    if salt is not None:
        settings["mode"] = "hash"
    return Redactor(RedactionSettings.model_validate(settings), {"DEADRECKON_SALT": salt or ""})


def line(redact: Redactor, value: object) -> object:
    """An object after redaction, through a line of JSON."""
    return json.loads(redact.json_line(json.dumps(value).encode()))


def changed(redact: Redactor, data: bytes) -> dict[int, bytes]:
    """What a chunk of these lines becomes."""
    starts = [0, *(i + 1 for i, byte in enumerate(data[:-1]) if byte == 10)]
    return redact.lines_to_change(data, np.array(starts, dtype=np.int64))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("email", "mail alice.b+x@mail.example.com, now", "mail [email], now"),
        ("email", "<o'brien@example.ie>; 'x@y.de'", "<[email]>; '[email]'"),
        ("email", "?user=alice%40example.com&x=1", "?user=[email]&x=1"),
        ("email", "jürgen@bücher.example and x@xn--bcher-kva.example", "[email] and [email]"),
        ("email", "a@b.co@c.com a@b", "[email]@c.com a@b"),
        ("phone", "call +49 30 1234567 or +1 (415) 555-0132.", "call [phone] or [phone]."),
        ("phone", "(415) 555-0132, 415-555-0132, 1.415.555.0132", "[phone], [phone], [phone]"),
        ("phone", "0171/1234567 020 7946 0958 tel:+14155550132", "[phone] [phone] tel:[phone]"),
        ("phone", "+49\u00a030\u20111234567", "[phone]"),
        ("card", "4111 1111 1111 1111 12/27", "[card] 12/27"),
        ("card", "4111111111111111,378282246310005;5500-0000-0000-0004", "[card],[card];[card]"),
        ("card", "7 4111111111111111 8", "7 [card] 8"),
        ("card", "3782 822463 10005 card:\n6011111111111117", "[card] card:\n[card]"),
        ("api_key", "OPENAI_API_KEY=sk-proj-abcDEF123_456-789xyz", "OPENAI_API_KEY=[api_key]"),
        ("api_key", "use AKIAIOSFODNN7EXAMPLE here", "use [api_key] here"),
        ("api_key", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "[api_key]"),
        ("api_key", "xoxb-123456789012-abcdefGHIJKL", "[api_key]"),
        ("api_key", "AIzaSyA0123456789abcdefghijklmnopqrstuv", "[api_key]"),
        ("api_key", "x=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-x_y!", "x=[api_key]!"),
        ("api_key", "Authorization: Bearer abc.DEF~123+/456==", "Authorization: Bearer [api_key]"),
        ("api_key", "authorization: basic dXNlcjpwYXNz", "authorization: basic [api_key]"),
        ("api_key", "postgres://user:p4ss!word@host:5432/db", "postgres://user:[api_key]@host:5432/db"),
        ("api_key", "password=hunter2hunter2; next", "password=[api_key]; next"),
        ("api_key", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", None),
        ("api_key", "task-sk-ABCDEFGHIJKLMNOPQRSTUVWX", "task-[api_key]"),
    ],
)
def test_secrets_are_found_by_their_form(name: str, text: str, expected: str | None) -> None:
    """In text, in a value, and in what is no JSON, each secret is taken out and its surroundings stay."""
    redact = redactor(patterns=[name])
    new = redact.text(text)
    if expected is not None:
        assert new == expected
    assert "MIIE" not in new
    assert redact.raw_text(text) == new
    assert line(redact, {"a": [{"m": text}]}) == {"a": [{"m": new}]}
    assert redact.text(new) == new, "what was redacted is not touched again"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T07:33:00.911019+0530",
        "2026-11-21 02:02:58,819",
        "01/02/2026 12:30:00",
        "1795226581434 1795226581434000 1795226581434000123",
        "0192f0c1-7d2e-7abc-8def-0123456789ab 41111111-1111-4111-8111-111111111111",
        "0af7651916cd43dd8448eb211c80319c 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0.4383271604938271 -0.4111111111111111 4.111111111111111e-05",
        "4111111111111112 1234567890123456",  # Luhn says no; no brand
        "lodash@4.17.21 user@10.0.0.1 @timestamp git@host",
        "10.0.0.1:8080 192.168.100.200 http://localhost:8000/a@b",
        "shape (512, 1024, 2048) lr 1e-05 step 100 200 3000",
        "gpt-4o-2024-08-06 sk-learn ask-me eyJ tokens: 812, api_keys, password reset",
        "a4111111111111111 4111111111111111b",
        "+00:00 +0000 1e+20, 0.5",
    ],
)
def test_what_only_looks_like_a_secret_is_left(text: str) -> None:
    """Times, identifiers, numbers, versions and addresses of machines come through as they are."""
    redact = redactor(patterns=EVERYTHING)
    assert redact.text(text) == text
    raw = json.dumps({"m": text, "n": [text]}).encode()
    assert redact.json_line(raw) == raw


def test_lines_of_real_loggers_are_left_alone() -> None:
    """Nothing in what the known loggers write is taken for a secret."""
    data = b"".join(path.read_bytes() for path in sorted(FIXTURES.glob("*/output.jsonl")))
    assert len(data) > 10_000
    assert changed(redactor(patterns=EVERYTHING, keys=["password"]), data) == {}


def test_values_of_named_keys_are_removed_at_any_depth_in_any_case() -> None:
    """Whatever the value is, it goes; null says nothing and stays."""
    redact = redactor(keys=["password", "Set-Cookie", "straße"])
    given = {"PassWord": "x", "a": [{"password": {"deep": ["x"]}}, {"set-cookie": [1, 2]}], "b": {"Straße": 5}}
    assert line(redact, given) == {
        "PassWord": "[password]",
        "a": [{"password": "[password]"}, {"set-cookie": "[Set-Cookie]"}],
        "b": {"Straße": "[straße]"},
    }
    unchanged = b'{"password":null,"passwords":"x","c":"password","d":{"password":""}}'
    assert redact.json_line(unchanged) == unchanged


def test_a_key_with_dots_names_a_place() -> None:
    """`user.email` is that key, and the key email inside user."""
    redact = redactor(keys=["user.email"])
    assert line(redact, {"user.email": "x", "user": {"email": "y", "id": 1}, "email": "z"}) == {
        "user.email": "[user.email]",
        "user": {"email": "[user.email]", "id": 1},
        "email": "z",
    }


def test_a_removed_value_of_a_typed_column_becomes_null() -> None:
    """A mark in a column of numbers would have the line refused."""
    redact = redactor(keys=["input_tokens", "features", "pid", "age", "input"])
    given = {"input_tokens": 5, "features": {"age": 7}, "pid": 3, "input": {"x": 1}, "p": {"age": 7}}
    assert line(redact, given) == {
        "input_tokens": None,
        "features": None,
        "pid": None,
        "input": "[input]",
        "p": {"age": "[age]"},
    }


def test_otlp_attributes_are_keys_and_values_too() -> None:
    """In OTLP/JSON a key stands in a value; what is put in keeps the shape of a value."""
    redact = redactor(keys=["password"], patterns=["email"])
    given = {
        "attributes": [
            {"key": "password", "value": {"stringValue": "x"}},
            {"key": "user", "value": {"stringValue": "a@b.com"}},
        ]
    }
    assert line(redact, given) == {
        "attributes": [
            {"key": "password", "value": {"stringValue": "[password]"}},
            {"key": "user", "value": {"stringValue": "[email]"}},
        ]
    }


def test_json_inside_a_string_is_looked_into() -> None:
    """MLflow and others write JSON into strings, twice at times."""
    redact = redactor(keys=["password"], patterns=["email"])
    inner = json.dumps({"password": "x", "to": ["a@b.com"], "n": 1.50})
    given = {"content": json.dumps({"inner": inner})}
    found = json.loads(json.loads(line(redact, given)["content"])["inner"])  # type: ignore[index]  # an object
    assert found == {"password": "[password]", "to": ["[email]"], "n": 1.5}


def test_keys_that_are_secrets_are_masked_and_stay_apart() -> None:
    """An object keyed by e-mail address keeps all its values."""
    redact = redactor(patterns=["email"])
    assert line(redact, {"a@b.com": 1, "c@d.com": 2, "[email]-3": 4}) == {"[email]": 1, "[email]-2": 2, "[email]-3": 4}


def test_escapes_hide_nothing() -> None:
    """A secret written with escapes is the same secret, in JSON and in a torn line."""
    redact = redactor(patterns=EVERYTHING, keys=["password"])
    assert redact.json_line(rb'{"m":"a\u0040b.com","n":"\n4111111111111111"}') == rb'{"m":"[email]","n":"\n[card]"}'
    assert redact.json_line(rb'{"pass\u0077ord":"x"}') == rb'{"pass\u0077ord":"[password]"}'
    torn = rb'{"m":"a\u0040b.com","pass\u0077ord": "geheim'
    assert changed(redact, torn) == {0: b'{"m":"[email]","password": "[password]'}
    assert redact.json_line(rb'{"m":"http:\/\/u:secret12@h\/"}') == rb'{"m":"http://u:[api_key]@h/"}'


def test_only_the_secret_changes() -> None:
    """Spaces, long numbers, odd escapes, repeated keys and floats are the same bytes as before."""
    redact = redactor(patterns=["email"])
    raw = rb'{ "a" : 1.0, "a":12345678901234567890123, "b":"\u00e9\/\ud800", "m": "x@y.com",  "e":1E400, "n":NaN }'
    assert redact.json_line(raw) == raw.replace(b"x@y.com", b"[email]")


def test_identifiers_are_not_taken_for_numbers_of_people() -> None:
    """Columns that events are joined by keep digits that happen to pass for a card; an address in them still goes."""
    redact = redactor(patterns=EVERYTHING)
    digits = "4111111111111111"
    given = {"event_id": digits, "trace_id": digits, "gen_ai.response.id": digits, "ts": "+12025550123", "x": digits}
    assert line(redact, given) == given | {"x": "[card]"}
    kept = redactor(patterns=EVERYTHING, user_id="keep")
    assert line(kept, {"user_id": digits, "session_id": "a@b.com"}) == {"user_id": "[card]", "session_id": "[email]"}


def test_numbers_that_are_cards_are_redacted_unless_their_key_says_otherwise() -> None:
    """An integer with a brand's prefix, its length and Luhn's digit is a card; identifiers and times are not."""
    redact = redactor(patterns=["card"])
    card = 4111111111111111
    given = {
        "card": card,
        "order_id": card,
        "orderId": card,
        "time_ns": card,
        "pid": card,
        "l": [card],
        "f": card + 0.0,
    }
    assert line(redact, given) == given | {"card": "[card]", "l": ["[card]"]}


def test_secret_names_give_their_values_away() -> None:
    """With api_key on, the value of a key that is called like one goes too, unless it is a sentence."""
    redact = redactor(patterns=["api_key"])
    given = {"api_key": "0123456789", "headers": {"X-Api-Key": "abcdefgh"}, "password": "must not be empty"}
    assert line(redact, given) == {
        "api_key": "[api_key]",
        "headers": {"X-Api-Key": "[api_key]"},
        "password": "must not be empty",
    }


def test_hashes_join_and_do_not_tell() -> None:
    """The same secret has the same mark, however it is written; another salt gives another mark."""
    redact = redactor(salt="pepper", patterns=EVERYTHING, keys=["ssn"])
    first, second = redact.text("Alice@Example.com").lower(), redact.text("alice%40example.com")
    assert first == second
    assert redact.text("4111 1111 1111 1111") == redact.text("4111111111111111")
    assert redact.text("+1 415 555 0132") == redact.text("+14155550132")
    assert first != redactor(salt="salt", patterns=["email"]).text("alice@example.com")
    assert redact.text("bob@example.com") != second
    assert len(first) == len("[email:0123456789ab]")
    assert redact.json_line(b'{"ssn":"x"}') == redact.json_line(redact.json_line(b'{"ssn":"x"}')), "replayed as it is"


def test_a_hash_without_salt_is_refused() -> None:
    """Without a salt anyone could try all addresses; the hint says what to do."""
    with pytest.raises(ConfigError, match="DEADRECKON_SALT is not set") as caught:
        Redactor(RedactionSettings(mode="hash", patterns=["email"]), {})
    assert "openssl rand" in caught.value.hint


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("(", "single quotes"),
        (r"(?<=a)b", "lookaround"),
        (r"a(?!b)", "lookaround"),
        (r"(a)\1", "back references"),
        ("a{5000}", "1000"),
        ("x*", "at least one character"),
    ],
)
def test_a_bad_pattern_is_refused_with_a_hint(pattern: str, hint: str) -> None:
    """The error names the pattern, and the hint the way out."""
    with pytest.raises(ConfigError) as caught:
        redactor(custom={"mine": pattern})
    assert "redaction.custom.mine" in caught.value.message
    assert repr(pattern) in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("pattern", [r"EMP-\d{4}", r"^EMP-\d{4}", r"(?i)emp-\d+", r"EMP-\d{4}$"])
def test_patterns_of_ones_own(pattern: str) -> None:
    """A custom pattern is found in values, also behind escapes, and anchors mean the value's ends."""
    redact = redactor(custom={"employee": pattern})
    data = b'{"a":"EMP-1234"}\n{"a":"x"}\n{"a":"\\u0045MP-1234"}\n{"a":"caf\\u00e9"}\n{"EMP-1234":1}\n'
    assert changed(redact, data) == {0: b'{"a":"[employee]"}', 2: b'{"a":"[employee]"}', 4: b'{"[employee]":1}'}


def test_a_pattern_that_would_take_forever_elsewhere() -> None:
    """Nested repetition is harmless here, since matching takes time linear in the text."""
    redact = redactor(custom={"evil": r"(a+)+b"})
    assert redact.text("a" * 100_000 + "c") == "a" * 100_000 + "c"
    assert redact.text("aab" + "a" * 100_000) == "[evil]" + "a" * 100_000


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a@",
            "a.",
            "a@a.",
            "eyJ",
            "eyJ-",
            "eyJ.",
            "4",
            "4 ",
            "1-",
            "+1",
            "+1 ",
            "0171/",
            "(415) ",
            "sk-",
            "x",
            "%40",
        ),
        *(
            "://",
            "://a:",
            "://a:b",
            "bearer ",
            "password=",
            "api_key:",
            "-----BEGIN PRIVATE KEY-----",
            "'",
            "\\",
            '"',
            "{",
        ),
        *("SG.aaaaaaaaaaaaaaaaaaaa", "password: {", '"password":"', "\\u00", " ", "\n"),
    ],
)
def test_no_text_takes_forever(unit: str) -> None:
    """Each pattern is linear: a quarter of a million of any beginning of a secret is passed in one go."""
    redact = redactor(patterns=EVERYTHING, keys=["password"], custom={"c": r"EMP-\d{4}"})
    text = unit * (250_000 // len(unit))
    redact.raw_text(text)
    redact.raw_text(text + "!")
    redact.json_line(json.dumps({"m": text}).encode())
    changed(redact, text.replace("\n", " ").encode())


def test_lines_that_are_no_json_are_redacted_too() -> None:
    """They go to the quarantine, where a secret would be as bad: patterns everywhere, and what stands after a key."""
    redact = redactor(patterns=["email"], keys=["password", "token"])
    for raw, expected in {
        b'{"password": "hun': b'{"password": "[password]',
        b'{"password": "x", "to": "a@b.com", oops}': b'{"password": "[password]", "to": "[email]", oops}',
        b"GET /?token=abc&x=1 password: 'a b'": b"GET /?token=[token]&x=1 password: '[password]'",
        b'{"password": {"deep": [1, 2], "x"': b'{"password": [password]',
        b'{"m":"{\\"password\\": \\"x\\", "}, a': b'{"m":"{\\"password\\": \\"[password]\\"',
        b"tokens: 5, retoken=7": b"tokens: 5, retoken=7",
        b"\xff a@b.com": b"\xff [email]",
        b'\xef\xbb\xbf{"m":"a@b.com"}': b'\xef\xbb\xbf{"m":"[email]"}',
    }.items():
        new = redact.json_line(raw)
        assert new.startswith(expected), new
        assert changed(redact, b"{}\n" + raw).get(1, raw) == new
        assert redact.json_line(new) == new


def test_nothing_configured_is_nothing_done() -> None:
    """Without settings nothing is looked at."""
    redact = redactor()
    assert not redact.active
    assert redact.json_line(b"a@b.com") == b"a@b.com"
    assert changed(redact, b"a@b.com\n") == {}


def test_a_chunk_may_be_a_view_and_end_without_newline() -> None:
    """Line numbers are those of the starts that were given, in any buffer."""
    redact = redactor(patterns=["email"])
    data = memoryview(b'..{"m":1}\n{"m":"a@b.com"}\r\n\n{"m":"c@d.com"}')[2:]
    starts = np.array([0, 8, 25, 26], dtype=np.int64)
    assert redact.lines_to_change(data, starts) == {1: b'{"m":"[email]"}\r', 3: b'{"m":"[email]"}'}
    assert redact.suspects(data, starts).tolist() == [1, 3]


def test_redaction_does_not_import_pandas() -> None:
    """Where pandas is installed, Arrow imports it when asked carelessly: seconds for each `reckon ingest`."""
    program = """if True:
        import sys
        import numpy as np
        from deadreckon.core.settings import RedactionSettings
        from deadreckon.ingest.redact import Redactor
        settings = RedactionSettings(keys=["k"], patterns=["email", "phone", "card", "api_key"], custom={"c": "EMP"})
        data = b'{"a":"x@y.com EMP \\\\u00e9"}\\n{"k":1}\\n'
        changed = Redactor(settings, {}).lines_to_change(data, np.array([0, data.index(b"\\n") + 1]))
        assert len(changed) == 2, changed
        assert "pandas" not in sys.modules
    """
    root = Path(__file__).parents[2]
    path = os.pathsep.join(str(root / room) for room in ("core", "ingest"))
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"PYTHONPATH": path})
