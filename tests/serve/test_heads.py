"""A request's head: it is short and comes in time, whether it is the first of its connection or not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.serve.requests import JSON, span_json, traces
from tests.serve.servers import Server

HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n"


def answer(connection: socket.socket) -> bytes:
    """What is said until the other side hangs up."""
    try:
        return b"".join(iter(lambda: connection.recv(65536), b""))
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("pieces", [[b"X: ", b"a" * 4096], [b"", b"a: b\r\n" * 700]], ids=["one long", "many"])
@pytest.mark.parametrize("before", [b"", HEALTH], ids=["first", "second"])
def test_a_head_without_end_is_refused(server: Server, before: bytes, pieces: list[bytes]) -> None:
    """After 64 KiB or so; nothing more of it is read."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(before + HEAD + pieces[0])
        sent = 0
        try:
            for _ in range(5000):
                connection.sendall(pieces[1])
                sent += len(pieces[1])
        except OSError:
            pass
        assert b"HTTP/1.1 431" in answer(connection) or sent < 19_000_000
    assert sent < 19_000_000
    assert server.post("/v1/traces", span_json(), JSON)[0] == 200


def test_a_head_as_long_as_tokens_are_is_fine(server: Server) -> None:
    """Proxies add much to it."""
    assert server.post("/v1/traces", span_json(), {**JSON, "X-Proxy": "a" * 30_000})[0] == 200


@pytest.mark.parametrize("said", [b"P", HEAD, b"\r\n"])
def test_a_later_request_must_arrive_in_time_too(tmp_path: Path, said: bytes) -> None:
    """A connection that was answered once is not one to keep for ever."""
    with (
        Server(tmp_path, "--request-timeout", "0.5") as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection,
    ):
        connection.sendall(HEALTH)
        said_so_far = b""
        while b"ok" not in said_so_far:
            said_so_far += connection.recv(65536)
        connection.sendall(said)
        assert connection.recv(65536) == b""


@pytest.mark.parametrize("cut", [0, 40, 150, 400])
def test_a_request_that_asks_for_another_protocol_keeps_its_body(server: Server, cut: int) -> None:
    """Java's client asks for HTTP/2 with its first request: it is answered in HTTP/1.1, and so is what follows."""
    name = f"upgraded {cut}"
    asked = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
    body = traces([name]).SerializeToString()
    kind = b"Host: x\r\nContent-Type: application/x-protobuf\r\n"
    sent = b"POST /v1/traces HTTP/1.1\r\n" + kind + asked + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(sent[:cut])
        connection.sendall(sent[cut:] + HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        statuses = [line[9:12] for line in answer(connection).split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert statuses == [b"200", b"200"]
    assert name in str(server.spooled())


def test_what_is_no_http_is_answered_and_not_logged(tmp_path: Path) -> None:
    """A scanner of ports does not fill the receiver's log."""
    with Server(tmp_path) as server:
        for said in (
            b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01" * 9,
            b"GET / HTTP/9\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
                connection.sendall(said)
                assert answer(connection).startswith(b"HTTP/1.1 400")
        assert len(server.errors.read_text().splitlines()) == 1  # where it receives


def test_requests_in_a_row_are_answered_in_a_row(server: Server) -> None:
    """A sender need not wait for an answer before it sends more."""
    bodies: Iterable[bytes] = [span_json(name=name) for name in ("one", "two", "three")]
    sent = b"".join(
        HEAD + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body for body in bodies
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(sent + HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert answer(connection).count(b"HTTP/1.1 200") == 4


def test_requests_in_a_row_are_read_as_they_are_answered(tmp_path: Path) -> None:
    """However many are sent ahead, few of them are in memory."""
    count = 30_000
    answered, end = 0, b""
    with Server(tmp_path) as server, socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        sending = threading.Thread(target=connection.sendall, args=(HEALTH * count,))
        sending.start()
        while answered < count:
            said = end + connection.recv(1 << 20)
            answered += said.count(b"HTTP/1.1 200 OK")
            end = said[-14:]  # one byte less than what is counted
        sending.join()
        status = Path(f"/proc/{server.process.pid}/status")
        if status.exists():
            (peak,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
            assert int(peak) < 130_000
