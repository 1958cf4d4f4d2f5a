"""Secrets stay in the environment, also where receivers and programs repeat them."""

from __future__ import annotations

import base64
import sys

from tests.delivery.parts import dead, evaluate, lake_of, post
from tests.delivery.servers import certificate, mailbox, receiver

from deadreckon.delivery import sayings

SECRET = "s3cr/t+Key=="
PASSWORD = "password of mine"


def test_no_secret_is_said_or_kept(tmp_path):
    """Four receivers that give away what they know: nothing of it is in errors, ledgers, dead letters or the lake."""
    lake = lake_of(tmp_path / "lake")
    tls, trusted = certificate(tmp_path)
    tell = "import os, sys; sys.exit(' '.join(os.environ[k] for k in ('KEY', 'PASSWORD')))"
    coded = base64.b64encode(PASSWORD.encode()).decode()
    with (
        mailbox(tls=tls, MAIL=f"451 {SECRET} {coded}") as mail,
        receiver(500) as server,
    ):
        environ = {
            "KEY": SECRET,
            "USER_NAME": "the-user",
            "PASSWORD": PASSWORD,
            "URL": f"{server.url}/T0/hidden?x=priv",
        }
        way = post(
            {"name": "hook", "kind": "webhook", "url_env": "URL", "secret_env": "KEY", "max_attempts": 1},
            {"name": "mail", "kind": "email", "host": "127.0.0.1", "port": mail.port, "max_attempts": 1}
            | {"from": "a@example.org", "to": ["b@example.org"], "ca_file": str(trusted)}
            | {"user_env": "USER_NAME", "password_env": "PASSWORD"},
            {"name": "command", "kind": "command", "max_attempts": 1}
            | {"command": ["env", f"KEY={SECRET}", f"PASSWORD={PASSWORD}", sys.executable, "-c", tell]},
            environ=environ,
        )
        evaluate(lake, way)
        outcomes = way.deliver(lake)
    assert [(o.left, o.dead) for o in outcomes] == [(1, 1)] * 3
    assert len(dead(lake)) == 3
    assert len(mail.mails) == 0
    kept = b"".join(p.read_bytes() for p in lake.root.rglob("*") if p.is_file())
    text = "\n".join(sayings(outcomes, lake)) + repr(outcomes) + kept.decode("utf-8", "replace")
    assert "[secret]" in outcomes[1].problem
    assert "[secret]" in outcomes[2].problem
    for secret in (SECRET, PASSWORD, coded, "the-user", "hidden", "x=priv"):
        assert secret not in text
