"""`[[sinks]]` in deadreckon.toml: what is wrong is said before anything runs, and no secret with it."""

from __future__ import annotations

from typing import get_args

import pytest
from tests.delivery.parts import post

from deadreckon.core import sinks
from deadreckon.core.errors import ConfigError
from deadreckon.core.settings import Settings, load
from deadreckon.delivery import Post
from deadreckon.monitor import STATES
from deadreckon.monitor.rules import Severity

MAIL = 'kind = "email"\nname = "a"\nhost = "mx"\nfrom = "a@example.org"\nto = ["b@example.org"]\n'
HOOK = 'kind = "webhook"\nname = "a"\nurl = "https://example.org/"\n'


@pytest.mark.parametrize(
    ("table", "says", "hint"),
    [
        ('name = "a"\nkind = "webhok"', "sink 'a' has an unknown kind 'webhok'", "did you mean 'webhook'?"),
        ('name = "a"', "sink 'a' has no kind", "one of stdout, file, webhook, email, command"),
        ('name = "a"\nkind = 5', "sink 'a' has no kind", "one of"),
        ('kind = "stdout"', "sink 1 of [[sinks]] has no name", "unique"),
        ('kind = "stdout"\nname = "../x"', "name: string should match", "unique"),
        (HOOK + 'secret = "hunter2"', "sink 'a' has an unknown key 'secret'", "did you mean 'secret_env'?"),
        (HOOK + 'secret_env = "hunter-2"', "secret_env: string should match", "environment variable"),
        (HOOK + "timeout_s = 0", "timeout_s: input should be greater than 0", "seconds"),
        (HOOK + 'tries = "3"', "tries: input should be a valid integer", "tries of one message"),
        (HOOK + 'states = ["fired"]', "states.0: input should be 'ok', 'pending', 'firing'", "changes to"),
        (HOOK + "states = []", "states: list should have at least 1 item", "changes to"),
        (HOOK + 'url_env = "U"', "exactly one of url and url_env", "docs/delivery.md"),
        ('kind = "webhook"\nname = "a"', "exactly one of url and url_env", "docs/delivery.md"),
        ('kind = "webhook"\nname = "a"\nurl = "ftp://example.org"', "url is no http:// or https:// URL", ""),
        ('kind = "webhook"\nname = "a"\nurl = "https://u:hunter2@example.org"', "url holds a user or password", ""),
        ('kind = "email"\nname = "a"\nhost = "mx"\nto = ["b@example.org"]', "has no from", "the sender's address"),
        (MAIL + 'user_env = "U"', "give both of user_env and password_env", ""),
        (MAIL + 'user_env = "U"\npassword_env = "P"\nsecurity = "none"', "in the clear", "use starttls or ssl"),
        ('kind = "email"\nname = "a"\nhost = "mx"\nfrom = "a@b"\nto = ["x\\ny@b"]', "to.0: string should match", ""),
        ('kind = "command"\nname = "a"\ncommand = "page me"', "command: input should be a valid list", "no shell"),
        ('kind = "command"\nname = "a"\ncommand = []', "command: list should have at least 1 item", ""),
        ('kind = "stdout"\nname = "a"\n[[sinks]]\nkind = "stdout"\nname = "A"', "two sinks in", "give each its own"),
    ],
)
def test_a_sink_that_makes_no_sense_is_refused(tmp_path, table, says, hint):
    """With its name, the key, and what to write; never with a value, which may be a secret in the wrong place."""
    file = tmp_path / "deadreckon.toml"
    file.write_text(f"[[sinks]]\n{table}\n")
    with pytest.raises(ConfigError) as error:
        load(file, environ={})
    assert says in error.value.message
    assert hint in error.value.hint
    assert "hunter" not in error.value.message + error.value.hint


def test_the_words_of_sinks_are_the_monitor_s():
    """The settings cannot import the monitor, so this holds them together."""
    assert get_args(sinks.State) == STATES
    assert get_args(sinks.Severity) == get_args(Severity)


@pytest.mark.parametrize(
    ("sink", "environ", "says"),
    [
        (
            {"kind": "webhook", "url": "https://example.org", "secret_env": "HOOK"},
            {},
            "wants the environment variable HOOK (secret_env), which is not set",
        ),
        ({"kind": "webhook", "url": "https://example.org", "secret_env": "HOOK"}, {"HOOK": "  "}, "is not set"),
        ({"kind": "webhook", "url_env": "HOOK"}, {"HOOK": "hunter2"}, "the URL in HOOK is no http"),
        (
            {"kind": "webhook", "url": "https://example.org", "secret_env": "HOOK"},
            {"HOOK": "whsec_hunter-2"},
            "begins with whsec_ but is not base64",
        ),
        (
            {"kind": "email", "host": "mx", "from": "a@example.org", "to": ["b@example.org"]}
            | {"user_env": "U", "password_env": "P"},
            {"U": "me", "P": "hunter²"},
            "U or P holds more than ASCII",
        ),
        ({"kind": "webhook", "url": "https://example.org", "ca_file": "/no/such.pem"}, {}, "certificates cannot be"),
        ({"kind": "file", "path": "/no/such/folder/alerts.jsonl"}, {}, "in a folder that is not there"),
        ({"kind": "file", "path": "/"}, {}, "is a folder"),
        ({"kind": "command", "command": ["no-such-program", "-x"]}, {}, "there is no program 'no-such-program'"),
    ],
)
def test_what_a_sink_needs_must_be_there(sink, environ, says):
    """Variables, folders, programs and certificates are looked for before anything is evaluated."""
    with pytest.raises(ConfigError) as error:
        post(sink, environ=environ)
    assert says in error.value.message
    assert "sink 's'" in error.value.message
    assert "hunter" not in error.value.message + error.value.hint


def test_settings_that_are_shown_hold_no_secret():
    """They know the names of variables alone, and what reads those does not show them."""
    table = {"name": "s", "kind": "webhook", "url_env": "URL", "secret_env": "KEY"}
    settings = Settings.model_validate({"sinks": [table]})
    way = Post(settings.sinks, {"URL": "https://example.org/hunter2", "KEY": "hunter2"})
    assert "hunter" not in repr(settings) + repr(vars(way))
