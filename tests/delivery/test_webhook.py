"""Webhooks against servers that take, refuse, hang, drip, hang up and redirect."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import ssl

import pytest
from tests.delivery.parts import message
from tests.delivery.servers import certificate, receiver

from deadreckon.delivery.failure import FailureError
from deadreckon.delivery.webhook import WebhookChannel, signature


def channel(url, secret=None, timeout_s=5.0, tls=None):
    return WebhookChannel(url, secret, timeout_s, tls, lambda: 1_700_000_000.7)


def test_a_message_is_posted_as_json_with_its_key_and_a_signature_that_others_can_check():
    """The signature is computed here by hand, as Standard Webhooks states it."""
    with receiver(204) as server:
        channel(f"{server.url}/hook?team=a", "a secret").send(message())
    (request,) = server.got
    assert request.path == "/hook?team=a"
    assert request.json == message().payload
    headers = request.headers
    assert (headers["content-type"], headers["webhook-timestamp"]) == ("application/json", "1700000000")
    assert headers["webhook-id"] == message().key == request.json["event_id"]
    signed = headers["webhook-id"].encode() + b".1700000000." + request.body
    digest = hmac.new(b"a secret", signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


def test_the_example_of_standard_webhooks():
    """A secret that begins with whsec_ is base64; key, time and body from the libraries' own tests."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_without_a_secret_nothing_is_signed():
    """A receiver that checks signatures must not find one that proves nothing."""
    with receiver() as server:
        channel(server.url).send(message())
    assert "webhook-signature" not in server.got[0].headers
    assert server.got[0].path == "/"


@pytest.mark.parametrize(
    ("act", "says", "refused"),
    [
        (500, "answered 500", False),
        (503, "answered 503", False),
        (429, "answered 429", False),
        (400, "answered 400", True),
        (401, "answered 401", True),
        (410, "answered 410", True),
        ("close", "", False),
        ("reset", "", False),
    ],
)
def test_what_was_not_taken_says_so(act, says, refused):
    """A refusal of the message itself is told apart from trouble that may pass; the path stays out of it."""
    with receiver(act) as server, pytest.raises(FailureError) as failure:
        channel(f"{server.url}/services/T0/secret-path").send(message())
    assert server.url.removeprefix("http://") in failure.value.reason
    assert says in failure.value.reason
    assert failure.value.refused is refused
    assert "secret-path" not in failure.value.reason
    assert len(server.got) == 1


@pytest.mark.parametrize("act", ["hang", "drip"])
def test_a_server_that_does_not_answer_is_given_up(act):
    """Also one that sends a byte now and then, so that no single read is late."""
    with receiver(act) as server, pytest.raises(FailureError, match=r"did not answer within 0\.4 s") as failure:
        channel(server.url, timeout_s=0.4).send(message())
    assert not failure.value.refused


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status):
    """Who can redirect could otherwise send alerts elsewhere."""
    with receiver() as other, receiver(status, Location=other.url) as server, pytest.raises(FailureError) as failure:
        channel(server.url).send(message())
    assert f"answered {status}" in failure.value.reason
    assert "redirects are not followed" in failure.value.reason
    assert other.got == []


def test_a_receiver_can_ask_to_be_left_alone_for_a_while():
    """Retry-After in seconds is heard; a date, which clocks disagree about, is not."""
    for said, seconds in (("7", 7.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0)):
        with receiver(503, Retry_After=said) as server, pytest.raises(FailureError) as failure:
            channel(server.url).send(message())
        assert failure.value.after == seconds


@pytest.mark.parametrize("url", ["http://[::1]/x", "http://[::1]:1/x", "http://127.0.0.1:1/x"])
def test_addresses_of_both_kinds_are_understood(url):
    """With a port or without; the address is said as it was written."""
    with pytest.raises(FailureError) as failure:
        channel(url, timeout_s=2.0).send(message())
    assert failure.value.reason.startswith(url.removeprefix("http://").removesuffix("/x") + ": [Errno")


def test_nobody_there_is_a_failure():
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(FailureError, match="refused"):
        channel(f"http://127.0.0.1:{port}/").send(message())


def test_tls_is_checked(tmp_path):
    """A certificate that nobody vouches for is not trusted; one that the settings name is."""
    server_tls, trusted = certificate(tmp_path)
    with receiver(tls=server_tls) as server:
        with pytest.raises(FailureError, match="is not trusted"):
            channel(server.url, tls=ssl.create_default_context()).send(message())
        assert server.got == []
        channel(server.url, tls=ssl.create_default_context(cafile=str(trusted))).send(message())
    assert len(server.got) == 1


def test_a_server_behind_tls_that_hangs_is_given_up(tmp_path):
    """The thread that reads is woken without its session being taken away."""
    server_tls, trusted = certificate(tmp_path)
    tls = ssl.create_default_context(cafile=str(trusted))
    for act in ("hang", "drip"):
        with receiver(act, tls=server_tls) as server, pytest.raises(FailureError, match="did not answer"):
            channel(server.url, timeout_s=0.5, tls=tls).send(message())
