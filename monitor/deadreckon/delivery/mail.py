"""Email: one plain message to all addresses of a sink, through an SMTP server."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from deadreckon.core.sinks import EmailSink
from deadreckon.delivery.failure import FailureError
from deadreckon.delivery.message import Message
from deadreckon.delivery.watchdog import hung_up_after
from deadreckon.monitor.alert import when

PORTS: Final = {"starttls": 587, "ssl": 465, "none": 25}
KEY: Final = "X-Reckon-Event-Id"


@dataclass(frozen=True, slots=True)
class EmailChannel:
    """An SMTP server, and who gets the mail. Without `login` it does not authenticate."""

    sink: EmailSink
    login: tuple[str, str] | None = field(repr=False)
    tls: ssl.SSLContext | None
    now: Callable[[], float]

    def send(self, message: Message) -> str:
        """Hand the message to the server; who was refused although others were not."""
        sink = self.sink
        where = f"{sink.host}:{self._port}"
        client: list[smtplib.SMTP] = []
        late_text = f"{where} did not take the mail within {sink.timeout_s:g} s"
        with hung_up_after(sink.timeout_s, lambda: _socket(client)) as late:
            try:
                refused = self._converse(client, message)
            except (OSError, smtplib.SMTPException, ValueError) as error:
                # A conversation that was cut off fails in many ways, all of which mean the same.
                late_too = late.is_set() or isinstance(error, TimeoutError)
                raise (FailureError(late_text) if late_too else _failure(where, error)) from None
            finally:
                for one in client:
                    one.close()
        return f"{where} refused {_refused(refused)}; the others have it" if refused else ""

    @property
    def _port(self) -> int:
        return self.sink.port or PORTS[self.sink.security]

    def _converse(self, client: list[smtplib.SMTP], message: Message) -> dict[str, tuple[int, bytes]]:
        sink, mail = self.sink, self._mail(message)
        smtp = (
            smtplib.SMTP_SSL(timeout=sink.timeout_s, context=self.tls)
            if sink.security == "ssl"
            else smtplib.SMTP(timeout=sink.timeout_s)
        )
        client.append(smtp)
        smtp._host = sink.host  # type: ignore[attr-defined]  # noqa: SLF001  # what starttls checks the certificate by
        code, text = smtp.connect(sink.host, self._port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        if sink.security == "starttls":
            smtp.starttls(context=self.tls)
        if self.login is not None:
            smtp.login(*self.login)
        refused = smtp.send_message(mail)
        try:
            smtp.quit()
        except (OSError, smtplib.SMTPException):
            pass  # it has taken the mail: how it says goodbye changes nothing
        return refused

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = message.subject
        mail["From"] = self.sink.from_
        mail["To"] = ", ".join(self.sink.to)
        mail["Date"] = format_datetime(when(int(self.now())))
        mail["Message-ID"] = f"<{message.key}@{self.sink.from_.partition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail[KEY] = message.key
        mail.set_content(message.text)
        return mail


def _failure(where: str, error: Exception) -> FailureError:
    match error:
        case smtplib.SMTPAuthenticationError():
            return FailureError(f"{where} refused user and password ({error.smtp_code})", refused=True)
        case smtplib.SMTPRecipientsRefused():
            final = all(code >= 500 for code, _ in error.recipients.values())
            return FailureError(f"{where} refused {_refused(error.recipients)}", refused=final)
        case smtplib.SMTPResponseException():
            return FailureError(f"{where}: {_said(error.smtp_code, error.smtp_error)}")
        case ssl.SSLCertVerificationError():
            return FailureError(f"the certificate of {where} is not trusted: {error.verify_message}")
        case _:
            return FailureError(f"{where}: {str(error) or type(error).__name__}")


def _socket(client: list[smtplib.SMTP]) -> socket.socket | None:
    sock = getattr(client[0], "sock", None) if client else None
    return sock if isinstance(sock, socket.socket) else None


def _refused(recipients: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"{address} ({_said(code, text)})" for address, (code, text) in recipients.items())


def _said(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(f"{code} {words}".split())[:200]
