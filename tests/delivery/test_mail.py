"""Email through SMTP servers that take, refuse, hang and hang up."""

from __future__ import annotations

import email
import ssl
from email import policy

import pytest
from tests.delivery.parts import message
from tests.delivery.servers import certificate, mailbox

from deadreckon.core.sinks import EmailSink
from deadreckon.delivery.failure import FailureError
from deadreckon.delivery.mail import EmailChannel

LOGIN = ("the user", "the pass word")


def channel(server, login=None, trusted=None, **keys):
    table = {"from": "reckon@example.org", "to": ["a@example.org", "b@example.org"], "security": "none", **keys}
    sink = EmailSink.model_validate({"name": "m", "kind": "email", "host": "127.0.0.1", "port": server.port, **table})
    tls = None if sink.security == "none" else ssl.create_default_context(cafile=trusted)
    return EmailChannel(sink, login, tls, lambda: 1_700_000_000.0)


def parsed(server):
    return [email.message_from_string(text, policy=policy.default) for text in server.mails]


def test_a_mail_holds_the_message_and_its_key():
    """Subject, text and addresses as a person reads them; the key in a header and in the id of the mail."""
    given = message(labels={"model_version": "v2\r\nBcc: x@example.org", "team": "Größe"})
    with mailbox() as server:
        assert channel(server).send(given) == ""
    (mail,) = parsed(server)
    assert mail["Subject"] == given.subject
    assert "\n" not in given.subject
    assert mail["Bcc"] is None
    assert (mail["From"], mail["To"]) == ("reckon@example.org", "a@example.org, b@example.org")
    assert mail["X-Reckon-Event-Id"] == given.key
    assert mail["Message-ID"] == f"<{given.key}@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert " ".join(mail.get_content().split()) == " ".join(given.text.split())
    assert server.commands.count("RCPT") == 2


@pytest.mark.parametrize("security", ["starttls", "ssl"])
def test_user_and_password_go_through_tls_only(tmp_path, security):
    """The certificate is checked, then the server hears the password."""
    tls, trusted = certificate(tmp_path)
    with mailbox(tls=tls, implicit=security == "ssl") as server:
        with pytest.raises(FailureError, match="is not trusted"):
            channel(server, LOGIN, security=security).send(message())
        assert server.logins == []
        channel(server, LOGIN, str(trusted), security=security).send(message())
    assert server.logins == [LOGIN]
    assert len(server.mails) == 1


def test_a_server_without_starttls_gets_no_mail():
    """Nobody in between can strip it off."""
    with mailbox() as server, pytest.raises(FailureError, match="STARTTLS"):
        channel(server, LOGIN, security="starttls").send(message())
    assert (server.logins, server.mails) == ([], [])


@pytest.mark.parametrize(
    ("replies", "says", "refused"),
    [
        ({"GREETING": "554 go away"}, "554 go away", False),
        ({"MAIL": "451 later"}, "451 later", False),
        ({"RCPT": "550 nobody here"}, "a@example.org (550 nobody here)", True),
        ({"RCPT": "450 busy"}, "450 busy", False),
        ({"DATA": "552 full"}, "552 full", False),
        ({"MAIL END": "451 not taken"}, "451 not taken", False),
        ({"DATA": "close"}, "", False),
        ({"EHLO": "close"}, "", False),
    ],
)
def test_what_was_not_taken_says_so(replies, says, refused):
    """With the server's own words."""
    with mailbox(**replies) as server, pytest.raises(FailureError) as failure:
        channel(server).send(message())
    assert f"127.0.0.1:{server.port}" in failure.value.reason
    assert says in failure.value.reason
    assert failure.value.refused is refused


@pytest.mark.parametrize("way", ["hang", "drip"])
def test_a_server_that_does_not_answer_is_given_up(way):
    """Also one that never comes to the end of its greeting."""
    with mailbox(GREETING=way) as server, pytest.raises(FailureError, match=r"within 0\.4 s"):
        channel(server, timeout_s=0.4).send(message())


def test_a_refused_password_is_not_repeated(tmp_path):
    """Not even where the server repeats it."""
    tls, trusted = certificate(tmp_path)
    with mailbox(tls=tls, AUTH="535 no: the pass word") as server, pytest.raises(FailureError) as failure:
        channel(server, LOGIN, str(trusted), security="starttls").send(message())
    assert "refused user and password (535)" in failure.value.reason
    assert "pass word" not in failure.value.reason


def test_one_address_that_is_refused_does_not_send_the_mail_to_the_others_again():
    """The mail is delivered, and who did not get it is said."""
    with mailbox(**{"RCPT TO:<B@EXAMPLE.ORG>": "550 no b"}) as server:
        warning = channel(server).send(message())
    assert "refused b@example.org (550 no b); the others have it" in warning
    assert len(server.mails) == 1


def test_how_the_server_says_goodbye_changes_nothing():
    """It has taken the mail: sending it again would double it."""
    with mailbox(QUIT="close") as server:
        channel(server).send(message())
    assert len(server.mails) == 1
