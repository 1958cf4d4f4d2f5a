"""Webhooks: JSON posted to a URL, signed as https://www.standardwebhooks.com says, so that libraries can check it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from importlib.metadata import version
from typing import Final
from urllib.parse import urlsplit

from deadreckon.delivery.failure import FailureError
from deadreckon.delivery.message import Message
from deadreckon.delivery.watchdog import hung_up_after

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
PASSING: Final = frozenset({408, 425, 429})
"""Answers below 500 after which the same message may well be taken a little later."""


def signature(secret: str, key: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `key.timestamp.body`; a secret `whsec_...` is base64 itself.

    Raises:
        ValueError: a `whsec_` secret is not base64.
    """
    raw = secret.removeprefix("whsec_")
    shared = secret.encode() if raw == secret else base64.b64decode(raw, validate=True)
    signed = f"{key}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(shared, signed, hashlib.sha256)).decode()


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """A URL, and the secret that it shares with us."""

    url: str = field(repr=False)
    secret: str | None = field(repr=False)
    timeout_s: float
    tls: ssl.SSLContext | None
    now: Callable[[], float]

    def send(self, message: Message) -> str:
        """Post the message; delivered is what was answered with 2xx."""
        parts = urlsplit(self.url)
        where = parts.netloc
        host, port = parts.hostname or "", parts.port or (80 if self.tls is None else 443)
        connection: HTTPConnection
        if self.tls is not None:
            connection = HTTPSConnection(host, port, timeout=self.timeout_s, context=self.tls)
        else:
            connection = HTTPConnection(host, port, timeout=self.timeout_s)
        held: list[socket.socket] = []
        late_text = f"{where} did not answer within {self.timeout_s:g} s"
        with hung_up_after(self.timeout_s, lambda: held[0] if held else None) as late:
            try:
                connection.connect()
                held.append(connection.sock)
                if late.is_set():
                    raise FailureError(late_text)
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request("POST", target, message.body, self._headers(message))
                with connection.getresponse() as answer:
                    status, reason, after = answer.status, answer.reason, answer.getheader("Retry-After", "")
            except TimeoutError:
                raise FailureError(late_text) from None
            except ssl.SSLCertVerificationError as error:
                raise FailureError(f"the certificate of {where} is not trusted: {error.verify_message}") from None
            except (OSError, HTTPException, ValueError) as error:
                why = late_text if late.is_set() else f"{where}: {_said(error)}"
                raise FailureError(why) from None
            finally:
                connection.close()
        _judge(where, status, reason, after)
        return ""

    def _headers(self, message: Message) -> Mapping[str, str]:
        timestamp = int(self.now())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"deadreckon/{version('deadreckon')}",
            "Connection": "close",
            ID: message.key,
            TIMESTAMP: str(timestamp),
        }
        if self.secret is not None:
            headers[SIGNATURE] = signature(self.secret, message.key, timestamp, message.body)
        return headers


def _judge(where: str, status: int, reason: str, after: str) -> None:
    if 200 <= status < 300:
        return
    said = f"{where} answered {status} {reason[:100]}".rstrip()
    if 300 <= status < 400:
        raise FailureError(f"{said}; redirects are not followed, name the last URL", refused=True)
    seconds = float(after) if after.isascii() and after.isdigit() else 0.0
    raise FailureError(said, refused=400 <= status < 500 and status not in PASSING, after=seconds)


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
