"""All sinks of the settings: opened before anything runs, delivered to side by side, each failing for itself."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deadreckon.core.errors import ConfigError, DeadreckonError
from deadreckon.core.lake import Lake
from deadreckon.core.sinks import (
    AppriseSink,
    CommandSink,
    EmailSink,
    FileSink,
    SinkBase,
    StdoutSink,
    WebhookSink,
    fault_of_url,
)
from deadreckon.core.words import counted
from deadreckon.delivery.courier import Clock, Courier, Outcome, reader_of
from deadreckon.delivery.credentials import Credentials
from deadreckon.delivery.failure import Channel
from deadreckon.delivery.ledger import DEAD, FOLDER
from deadreckon.monitor.inhibit import Policy
from deadreckon.monitor.outbox import begin

if TYPE_CHECKING:
    import ssl


SLICE_S: Final = 0.2
"""Seconds between looks at whether the monitor is to end."""


class Post:
    """The way of alerts to every sink."""

    def __init__(
        self,
        sinks: Sequence[SinkBase],
        environ: Mapping[str, str],
        clock: Clock | None = None,
        policy: Policy | None = None,
    ) -> None:
        """Open the sinks; nothing is sent yet. `policy` says which alerts inhibit which.

        Raises:
            ConfigError: a variable is not set, a command, folder or certificate is not there, a URL is none.
        """
        self._clock = clock or Clock()
        self._policy = policy or Policy()
        self._credentials = Credentials(sinks, environ)
        self._ways = [(sink, _channel(sink, self._credentials, self._clock)) for sink in sinks]

    def begin(self, lake: Lake) -> None:
        """Note where sinks that are new begin; before the rules are evaluated, so that they hear what this finds.

        Raises:
            LakeError: the lake cannot be written.
        """
        begin(lake, [reader_of(sink) for sink, _ in self._ways])

    def deliver(self, lake: Lake, stopped: Callable[[], bool] = lambda: False) -> list[Outcome]:
        """Bring every sink what waits for it; what became of it, in the order of the settings.

        Whatever is wrong with a sink is in its outcome.

        Raises:
            KeyboardInterrupt: `stopped` says so: a signal came whose exception was lost on its way.
        """
        scrub = self._credentials.scrub
        couriers = [Courier(lake, sink, way, self._clock, scrub, self._policy) for sink, way in self._ways]
        # Daemons: an interrupt ends them as a crash would, which loses nothing.
        threads = [threading.Thread(target=self._round, args=(courier,), daemon=True) for courier in couriers]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                if stopped():
                    raise KeyboardInterrupt
                thread.join(SLICE_S)
        return [courier.outcome for courier in couriers]

    def _round(self, courier: Courier) -> None:
        try:
            courier.round()
        except DeadreckonError as error:
            courier.outcome.problem = self._credentials.scrub("; ".join(filter(None, (error.message, error.hint))))
        except Exception as error:  # noqa: BLE001  # whatever is wrong with one sink, the others are told
            courier.outcome.problem = self._credentials.scrub(f"{type(error).__name__}: {error}")


def sayings(outcomes: Sequence[Outcome], lake: Lake) -> list[str]:
    """What there is to say of a delivery, a line each; nothing where all went well and nothing was told."""
    lines = []
    for outcome in outcomes:
        name = f"sink {outcome.sink}"
        if outcome.told:
            lines.append(f"{name}: {counted(outcome.told, 'message')} delivered")
        if outcome.elsewhere:
            lines.append(f"{name}: another monitor delivers to it just now")
        if outcome.left:
            lines.append(f"error: {name}: {counted(outcome.left, 'message')} not delivered: {outcome.problem}")
        if outcome.dead:
            dead = lake.root / FOLDER / DEAD
            lines.append(
                f"error: {name}: {counted(outcome.dead, 'message')} given up, kept in {dead}: {outcome.problem}"
            )
        if outcome.problem and not outcome.left and not outcome.dead:
            lines.append(f"error: {name}: {outcome.problem}")
    if any(outcome.left for outcome in outcomes):
        lines.append("hint: the next run delivers them; correct the sink in deadreckon.toml if it keeps failing")
    return lines


def _channel(sink: SinkBase, credentials: Credentials, clock: Clock) -> Channel:
    # Only the libraries of the kinds in use are imported: every run of the monitor comes by here.
    if isinstance(sink, WebhookSink):
        return _webhook(sink, credentials, clock)
    if isinstance(sink, EmailSink):
        from deadreckon.delivery.mail import EmailChannel

        login = None
        if sink.user_env is not None and sink.password_env is not None:
            login = (credentials[sink.user_env], credentials[sink.password_env])
            if not "".join(login).isascii():
                raise ConfigError(
                    f"sink {sink.name!r}: {sink.user_env} or {sink.password_env} holds more than ASCII",
                    hint="Python's smtplib cannot send that: have a password of ASCII characters made",
                )
        tls = None if sink.security == "none" else _tls(sink, sink.ca_file)
        return EmailChannel(sink, login, tls, clock.now)
    if isinstance(sink, CommandSink):
        from deadreckon.delivery.command import CommandChannel

        if shutil.which(sink.command[0]) is None:
            raise ConfigError(
                f"sink {sink.name!r}: there is no program {sink.command[0]!r}",
                hint="give its whole path; cron has a short PATH",
            )
        return CommandChannel(tuple(sink.command), sink.timeout_s)
    if isinstance(sink, AppriseSink):
        from deadreckon.delivery.chat import ChatChannel

        return ChatChannel.of(sink.name, sink.url_env, credentials[sink.url_env], sink.timeout_s)
    from deadreckon.delivery.lines import FileChannel, StdoutChannel

    if isinstance(sink, FileSink):
        path = Path(sink.path)
        if not path.parent.is_dir() or path.is_dir():
            why = "is a folder" if path.is_dir() else "is in a folder that is not there"
            raise ConfigError(f"sink {sink.name!r}: {path} {why}", hint="make the folder, or name another file")
        return FileChannel(path)
    assert isinstance(sink, StdoutSink)  # noqa: S101  # the last kind
    return StdoutChannel(sink)


def _webhook(sink: WebhookSink, credentials: Credentials, clock: Clock) -> Channel:
    from deadreckon.delivery.webhook import WebhookChannel, signature

    url = sink.url or credentials[str(sink.url_env)]
    if fault := fault_of_url(url):
        raise ConfigError(f"sink {sink.name!r}: the URL in {sink.url_env} {fault}", hint="correct the variable")
    secret = None if sink.secret_env is None else credentials[sink.secret_env]
    try:
        signature(secret or "", "", 0, b"")
    except ValueError:
        raise ConfigError(
            f"sink {sink.name!r}: the secret in {sink.secret_env} begins with whsec_ but is not base64",
            hint="copy it again from where it was made",
        ) from None
    tls = _tls(sink, sink.ca_file) if url.startswith("https:") else None
    return WebhookChannel(url, secret, sink.timeout_s, tls, clock.now)


def _tls(sink: SinkBase, ca_file: str | None) -> ssl.SSLContext:
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigError(
            f"sink {sink.name!r}: certificates cannot be read from {ca_file}: {error.strerror or error}",
            hint="name a file of certificates in PEM",
        ) from None
