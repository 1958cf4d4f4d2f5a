"""Receivers that are real: an HTTP server and an SMTP server on this machine, which misbehave as they are told."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Act = int | str | Callable[[], None]
"""A status; or `hang`, `drip`, `close`, `reset`; or something to do before 200 is answered."""


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Receiver:
    """What an HTTP server got, and what it does next; the last act goes on for ever."""

    url: str = ""
    acts: list[Act] = field(default_factory=lambda: [200])
    headers: dict[str, str] = field(default_factory=dict)
    got: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keys(self) -> list[str]:
        return [r.json["event_id"] for r in self.got]

    def next_act(self) -> Act:
        return self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]


@contextmanager
def served(server: socketserver.BaseServer, over: threading.Event) -> Iterator[None]:
    """The server at work; `over` is set before it ends, so that what hangs lets go."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def receiver(*acts: Act, tls: ssl.SSLContext | None = None, **headers: str) -> Iterator[Receiver]:
    """An HTTP server that takes what is posted to it."""
    state = Receiver(acts=list(acts) or [200], headers={k.replace("_", "-"): v for k, v in headers.items()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            state.got.append(Request("GET " + self.path, dict(self.headers.items()), b"{}"))
            self.send_error(405)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with state.lock:
                state.got.append(Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                act = state.next_act()
            if act == "hang":
                state.over.wait(60)
            elif act == "drip":
                # A byte now and then: no single read is late, the whole is.
                while not state.over.wait(0.1):
                    try:
                        self.wfile.write(b"H")
                    except OSError:
                        break
            elif act == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            elif act != "close":
                if callable(act):
                    act()
                self.send_response(200 if callable(act) else act)
                for name, value in state.headers.items():
                    self.send_header(name, value)
                self.end_headers()
            self.close_connection = True

        def log_message(self, *_):
            pass

        def finish(self):
            try:
                super().finish()
            except (OSError, ValueError):
                pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    state.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    with served(server, state.over):
        yield state


def killing(pid: Callable[[], int]) -> Callable[[], None]:
    """Kill a process the hard way."""
    return lambda: os.kill(pid(), signal.SIGKILL)


@dataclass
class Mailbox:
    """What an SMTP server got. `replies`: what it says to a command instead of yes, e.g. {"DATA": "451 later"}."""

    port: int = 0
    replies: dict[str, str] = field(default_factory=dict)
    mails: list[str] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def mailbox(*, tls: ssl.SSLContext | None = None, implicit: bool = False, **replies: str) -> Iterator[Mailbox]:
    """A small SMTP server; with `tls` it offers STARTTLS, or speaks TLS from the start."""
    state = Mailbox(replies=replies)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            try:
                if implicit:
                    self._secure()
                else:
                    self.stream = self.request.makefile("rwb")
                self._converse()
            except (OSError, ValueError):
                pass

        def finish(self):
            try:
                if hasattr(self, "stream"):
                    self.stream.close()
            except (OSError, ValueError):
                pass
            self.request.close()

        def _secure(self):
            if hasattr(self, "stream"):
                self.stream.close()
            self.request = tls.wrap_socket(self.request, server_side=True)
            self.stream = self.request.makefile("rwb")
            self.secure = True

        def _say(self, text: str):
            self.stream.write(text.encode() + b"\r\n")
            self.stream.flush()

        def _converse(self):
            if state.replies.get("GREETING") == "hang":
                state.over.wait(60)
                return
            if state.replies.get("GREETING") == "drip":
                while not state.over.wait(0.1):
                    self.stream.write(b"2")
                    self.stream.flush()
                return
            self._say(state.replies.get("GREETING", "220 here"))
            while raw := self.stream.readline():  # of the stream of the moment: STARTTLS changes it
                line = raw.decode().rstrip()
                verb = line.split(" ")[0].upper()
                state.commands.append(verb)
                planned = state.replies.get(line.upper()) or state.replies.get(verb)
                if planned == "close":
                    return
                if planned:
                    self._say(planned)
                elif verb == "EHLO":
                    extra = [] if tls is None or hasattr(self, "secure") else ["STARTTLS"]
                    names = ["here", *extra, "AUTH PLAIN LOGIN"]
                    for name in names[:-1]:
                        self._say(f"250-{name}")
                    self._say(f"250 {names[-1]}")
                elif verb == "STARTTLS":
                    self._say("220 go on")
                    self._secure()
                elif verb == "AUTH":
                    _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
                    state.logins.append((user, password))
                    self._say("235 welcome")
                elif verb == "DATA":
                    self._say("354 go on")
                    lines = iter(self.stream.readline, b".\r\n")
                    state.mails.append(b"".join(lines).decode())
                    self._say(state.replies.get("MAIL END", "250 taken"))
                elif verb == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 fine")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, *_):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    with served(server, state.over):
        yield state


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS with a certificate of its own for 127.0.0.1, and the file by which it is trusted."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    subprocess.run(
        [*made.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert
