"""A receiver's bounds: memory, connections, silence; and what it says when it cannot start."""

from __future__ import annotations

import http.client
import importlib.util
import json
import socket
import sys
import threading
from pathlib import Path

import pytest
from tests.serve.requests import JSON, span_json, traces
from tests.serve.servers import Server

from deadreckon.cli import main
from deadreckon.core.errors import MissingExtraError
from deadreckon.serve.limits import Memory, OverloadedError, TooLargeError
from deadreckon.serve.server import Where, require_extra


def test_memory_is_given_back() -> None:
    """Shares are counted together, and leave nothing behind, refused ones included."""
    memory = Memory(100)
    with memory.share() as first:
        first.add(60)
        with memory.share() as second:
            second.add(40)
            with pytest.raises(OverloadedError):
                second.add(1)
            with pytest.raises(TooLargeError):  # however long it waits
                second.add(61)
        first.add(40)
    assert memory.held == 0


def test_too_much_at_once_is_to_come_again(tmp_path: Path) -> None:
    """Bodies that are still arriving fill the memory: the next sender is told 503, and is taken when there is room."""
    body = span_json(pad="x" * 600_000)
    with Server(tmp_path, "--max-memory", str(1 << 20)) as server:
        held = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        held.putrequest("POST", "/v1/traces")
        for name, value in {**JSON, "Content-Length": str(len(body))}.items():
            held.putheader(name, value)
        held.endheaders()
        held.send(body[:590_000])
        while True:  # until what was sent has arrived
            status, said, headers = server.post("/v1/traces", body, JSON)
            if status != 200:
                break
        assert (status, headers["retry-after"]) == (503, "1")
        assert "other requests" in json.loads(said)["message"]
        held.close()
        small = traces(["small"]).SerializeToString()
        assert server.post("/v1/traces", small)[0] == 200


def test_connections_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    """With 503, which exporters retry; those that are open go on."""
    with Server(tmp_path, "--max-connections", "5") as server:
        open_ones = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
        try:
            status, _, _ = server.post("/v1/traces", span_json(), JSON)
            assert status == 503
        finally:
            for one in open_ones:
                one.close()
        while server.post("/v1/traces", span_json(), JSON)[0] != 200:
            pass


def test_a_connection_that_says_nothing_is_closed(tmp_path: Path) -> None:
    """Half a head is nothing, too."""
    with Server(tmp_path, "--request-timeout", "0.5") as server:
        for said in (b"", b"POST /v1/traces HTTP/1.1\r\nHost:"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as silent:
                silent.sendall(said)
                assert silent.recv(100) == b""


def test_many_connections_at_once(tmp_path: Path) -> None:
    """Each of 200 senders is answered, and its span is in the spool."""
    with Server(tmp_path) as server:
        answers: list[int] = []
        start = threading.Barrier(200)

        def send(number: int) -> None:
            start.wait()
            answers.append(server.post("/v1/traces", span_json(name=f"s{number}"), JSON)[0])

        threads = [threading.Thread(target=send, args=(n,)) for n in range(200)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert answers == [200] * 200
        assert len(server.spooled()) == 200


def test_a_port_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The error names the port and how to choose another, for senders too."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        lake = tmp_path / "lake"
        words = ["--spool", str(tmp_path / "spool"), "--ingest", "--lake", str(lake)]
        assert main(["serve", "--port", str(port), *words]) == 2
    error = json.loads(capsys.readouterr().err.splitlines()[-1])["error"]
    assert error["message"] == f"cannot listen on 127.0.0.1 port {port}: Address already in use"
    assert not lake.exists()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in error["hint"]


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.0.0.2", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("shop.example", False),
    ],
)
def test_who_can_reach_it(host: str, local: bool) -> None:
    """Only this machine, by every address of its own."""
    assert Where(host, 0, Path("spool")).is_local is local


def test_a_spool_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said at the start, not to the first sender."""
    (tmp_path / "file").write_text("")
    assert main(["serve", "--port", "0", "--spool", str(tmp_path / "file")]) == 2
    error = json.loads(capsys.readouterr().err.splitlines()[-1])["error"]
    assert "cannot write the spool" in error["message"]
    assert "--spool DIR" in error["hint"]


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("starlette", "starlette", "serve"),
        ("opentelemetry", "opentelemetry-proto", "serve"),
        ("grpc", "grpcio", "serve-grpc"),
    ],
)
def test_a_missing_package_is_named_with_its_install(
    module: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint is the exact command."""
    found = importlib.util.find_spec

    def without(name: str, *rest: str) -> object:
        return None if name.partition(".")[0] == module else found(name, *rest)

    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(MissingExtraError) as caught:
        require_extra(grpc=module == "grpc")
    assert package in caught.value.message
    assert caught.value.hint == f"pip install 'deadreckon[{extra}]'"
