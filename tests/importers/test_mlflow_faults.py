"""A tracking server that fails: said in one error, or waited for; nothing is imported by halves."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.importers.stores import Imported
from tests.importers.test_mlflow_server import Answer, imported, recorded, served

from deadreckon.core.errors import SourceError

__all__ = ["imported"]


@contextmanager
def speaking(said: bytes) -> Iterator[str]:
    """A server that says this to whoever comes, and hangs up; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            while True:
                try:
                    caller, _ = listening.accept()
                except OSError:
                    return
                with caller:
                    caller.recv(65536)
                    caller.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{",
        b"220 mail.example.org ESMTP\r\n",
        b"",
    ],
)
def test_who_hangs_up(said: bytes, imported: Imported) -> None:
    """In the midst of an answer, or before it."""
    with speaking(said) as url, pytest.raises(SourceError, match="does not answer") as caught:
        imported.mlflow(url)
    assert "nothing was imported" in caught.value.message
    assert not imported.lake.exists()


def test_pages_without_an_end(imported: Imported) -> None:
    """A token that leads to itself would be asked for for ever."""

    def answer(request: str, headers: dict[str, str]) -> Answer:
        code, content = recorded(request.replace(', "page_token": "again"', ""), headers)
        if "runs/search" in request and code == 200:
            return 200, json.dumps({**json.loads(content), "next_page_token": "again"}).encode()
        return code, content

    with served(answer) as url, pytest.raises(SourceError, match="the same page"):
        imported.mlflow(url)
    assert not imported.lake.exists()


def test_a_dropped_connection_passes(imported: Imported) -> None:
    """A server that hung up once, as when it was started anew, is asked again."""
    asked = Counter[str]()

    def answer(request: str, headers: dict[str, str]) -> Answer:
        asked[request] += 1
        if asked[request] == 1:
            raise ConnectionAbortedError
        return recorded(request, headers)

    with served(answer) as url:
        assert imported.mlflow(url).found["run"] == 3


def test_a_server_that_leads_elsewhere(imported: Imported) -> None:
    """Who asks is nobody else's business: the address is told, and nothing sent there."""
    moved = b"HTTP/1.1 308 Permanent Redirect\r\nLocation: https://mlflow.example.org/x\r\nContent-Length: 0\r\n\r\n"
    with speaking(moved) as url, pytest.raises(SourceError, match="answers 308") as caught:
        imported.mlflow(url)
    assert "https://mlflow.example.org/x" in caught.value.hint


def older(code: int, location: str, asked: Counter[str]) -> Any:
    """A server whose traces have their spans elsewhere, and that answers this when it is asked for them."""
    info = {"trace_id": "tr-" + "5" * 32, "request_time": "2026-11-01T00:00:00Z", "state": "OK"}
    info |= {"execution_duration": "1.5s", "tags": {"mlflow.trace.spansLocation": location}}

    def answer(request: str, headers: dict[str, str]) -> Answer:
        if "traces/search" in request:
            return 200, json.dumps({"traces": [info] if '"experiment_id": "1"' in request else []}).encode()
        if "batchGet" in request:
            return 200, b'{"traces": []}'
        if "get-trace-artifact" in request:
            asked["artifact"] += 1
            return code, b"{}"
        return recorded(request, headers)

    return answer


def test_spans_that_are_nowhere(imported: Imported) -> None:
    """A trace by itself: asked once where the spans would be in a file, not at all where they are in the store."""
    for location, times in (("ARTIFACT_REPO", 1), ("TRACKING_STORE", 0)):
        asked = Counter[str]()
        with served(older(500, location, asked)) as url:
            assert imported.mlflow(url).found["trace"] == 1
        assert asked["artifact"] == times


def test_spans_that_cannot_be_had_now(imported: Imported) -> None:
    """A server that is overburdened, or forbids it, has not said that there are none."""
    for code in (403, 503):
        with (
            served(older(code, "ARTIFACT_REPO", Counter())) as url,
            pytest.raises(SourceError, match=f"answers {code}"),
        ):
            imported.mlflow(url)
    assert not imported.lake.exists()


def test_what_is_deleted_meanwhile(imported: Imported) -> None:
    """A run that is gone when its points are asked for: one error, not a trace of our own."""

    def answer(request: str, headers: dict[str, str]) -> Answer:
        return (404, b'{"message": "no such run"}') if "get-history" in request else recorded(request, headers)

    with served(answer) as url, pytest.raises(SourceError, match="answers 404: no such run"):
        imported.mlflow(url)
