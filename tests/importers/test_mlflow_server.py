"""MLflow's tracking server over HTTP, with answers recorded from a real one: the same as its store, page by page."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.imports.make_mlflow_server import PAGES
from tests.importers.stores import FIXTURES, Imported, unpacked

from deadreckon.core.errors import SourceError
from deadreckon.exchange import http
from deadreckon.exchange.mlflow import server as asked

Answer = tuple[int, bytes]
RECORDED: dict[str, Any] = json.loads(gzip.decompress((FIXTURES / "mlflow_server.json.gz").read_bytes()))


@contextmanager
def served(answer: Callable[[str, dict[str, str]], Answer]) -> Iterator[str]:
    """A server that answers so to a path with its query and body; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            code, content = answer(f"{self.path} {body}", dict(self.headers))
            self.send_response(code)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - so it is called

        def log_message(self, *_: object) -> None: ...

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def recorded(request: str, _headers: dict[str, str]) -> Answer:
    """What MLflow said to this."""
    if request not in RECORDED:
        return 404, b'{"error_code": "ENDPOINT_NOT_FOUND"}'
    return 200, json.dumps(RECORDED[request]).encode()


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Imported:
    """A lake that is not there yet; pages as small as those that were recorded, and no waiting."""
    for name, size in PAGES.items():
        monkeypatch.setattr(asked, name, size)
    monkeypatch.setattr(http, "_WAITS_S", (0.0, 0.0))
    for name in ("TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    return Imported(tmp_path / "lake")


def test_the_server_tells_what_its_store_holds(tmp_path: Path, imported: Imported) -> None:
    """As many of everything; after the store there is nothing new at the server."""
    store = unpacked("mlflow.db.gz", tmp_path)
    beside = Imported(tmp_path / "beside")
    with served(recorded) as url:
        found = imported.mlflow(url)
        kept = beside.mlflow(store)
        assert found.found == kept.found
        assert found.summary.committed == kept.summary.committed
        assert beside.mlflow(url).summary.committed == 0
    assert imported.mlflow(store).summary.committed == 0
    columns = "event_id, kind, run_id, name, value::VARCHAR AS value, step, status, trace_id, span_id, params, label"
    query = f"SELECT {columns}, input_tokens, cost_usd, session_id, input, output FROM events ORDER BY event_id"
    assert imported.rows(query) == beside.rows(query)


def test_there_were_pages() -> None:
    """What was recorded has second pages of runs, points and traces."""
    paths = Counter(request.partition(" ")[0].partition("?")[0].rpartition("/mlflow/")[2] for request in RECORDED)
    assert paths["runs/search"] > 2
    assert paths["metrics/get-history"] > 6
    assert paths["traces/search"] > 1
    assert paths["traces/batchGet"] == 3


def test_who_asks(imported: Imported, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name and password, or a token, as MLflow's own client sends them."""
    seen: list[str | None] = []

    def answer(_request: str, headers: dict[str, str]) -> Answer:
        seen.append(headers.get("Authorization"))
        return 401, b"{}"

    with served(answer) as url:
        with pytest.raises(SourceError, match="answers 401") as caught:
            imported.mlflow(url)
        assert "MLFLOW_TRACKING_TOKEN" in caught.value.hint
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
        with pytest.raises(SourceError):
            imported.mlflow(url)
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0k3n")
        with pytest.raises(SourceError):
            imported.mlflow(url)
        monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
        with pytest.raises(SourceError) as caught:
            imported.mlflow(url.replace("//", "//bob:pa%20ss@"))
    assert seen == [None, "Basic YW5uOnNlY3JldA==", "Bearer t0k3n", "Basic Ym9iOnBhIHNz"]
    assert "pa%20ss" not in caught.value.message


def test_what_passes_is_waited_for(imported: Imported) -> None:
    """A server that is busy is asked again."""
    busy = Counter[str]()

    def answer(request: str, headers: dict[str, str]) -> Answer:
        busy[request] += 1
        return recorded(request, headers) if busy[request] > 1 else (503, b"later")

    with served(answer) as url:
        assert imported.mlflow(url).found["run"] == 3


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ((500, b'{"message": "the disk is full"}'), "answers 500: the disk is full"),
        ((200, b"<html>hello</html>"), "something else than JSON"),
        ((200, b"[]"), "is no tracking server of MLflow"),
        ((404, b"nothing here"), "is no tracking server of MLflow"),
    ],
)
def test_who_is_no_tracking_server(said: Answer, wanted: str, imported: Imported) -> None:
    """Said with the address; there is no lake afterwards."""
    with served(lambda _request, _headers: said) as url, pytest.raises(SourceError, match=wanted) as caught:
        imported.mlflow(url)
    assert url in caught.value.message
    assert not imported.lake.exists()


def test_who_does_not_answer(imported: Imported) -> None:
    """Nobody listens; or the server dies in the midst of it."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(SourceError, match="does not answer"):
            imported.mlflow(f"http://127.0.0.1:{closed.getsockname()[1]}")

    def dies(request: str, headers: dict[str, str]) -> Answer:
        return (500, b"") if "traces" in request else recorded(request, headers)

    with served(dies) as url, pytest.raises(SourceError, match="answers 500"):
        imported.mlflow(url)
    assert not imported.lake.exists()


def test_a_server_of_version_2(imported: Imported) -> None:
    """It knows nothing of version 3's paths; spans are in a file of the trace."""
    trace = {
        "request_id": "tr-0123456789abcdef0123456789abcdef",
        "experiment_id": "1",
        "timestamp_ms": 1_560_000_000_000,
        "execution_time_ms": 1500,
        "status": "ERROR",
        "request_metadata": [{"key": "mlflow.trace.session", "value": "ses-1"}],
        "tags": [{"key": "mlflow.traceName", "value": "predict"}],
    }

    def answer(request: str, headers: dict[str, str]) -> Answer:
        if "/api/3.0/" in request or "logged-models" in request:
            return 404, b'{"error_code": "ENDPOINT_NOT_FOUND"}'
        if request.startswith("/api/2.0/mlflow/traces?experiment_ids=1&"):
            return 200, json.dumps({"traces": [trace]}).encode()
        if request.startswith("/ajax-api/2.0/mlflow/get-trace-artifact?request_id=tr-0123"):
            return 200, (FIXTURES / "traces.json").read_bytes()
        return recorded(request, headers)

    with served(answer) as url:
        found = imported.mlflow(url).found
    assert (found["run"], found["trace"], found["span"]) == (3, 1, 1)
    (span,) = imported.rows("SELECT span_id, session_id, operation, error_type FROM spans")
    assert tuple(span.values()) == ("0123456789abcdef", "ses-1", "chain", "ValueError")
