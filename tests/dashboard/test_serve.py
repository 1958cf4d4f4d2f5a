"""`reckon dashboard`: where it listens, what it prints, and what it says when it cannot start."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.dashboard.lakes import add, span
from tests.dashboard.running import RECKON, dashboard, environment

from deadreckon.core.errors import UsageError
from deadreckon.dashboard.serve import FIRST_PORT, Address, find_address


def reckon(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*RECKON, *words], capture_output=True, text=True, env=environment(), cwd=folder, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("host", "url", "local"),
    [
        ("127.0.0.1", "http://127.0.0.1:8501", True),
        ("localhost", "http://localhost:8501", True),
        ("::1", "http://[::1]:8501", True),
        ("0.0.0.0", "http://127.0.0.1:8501", False),
        ("10.0.0.7", "http://10.0.0.7:8501", False),
    ],
)
def test_addresses(host: str, url: str, *, local: bool) -> None:
    """What is printed can be opened, and only this machine's own address is called local."""
    assert (Address(host, 8501).url, Address(host, 8501).is_local) == (url, local)


def test_a_taken_port_is_said() -> None:
    """A port that somebody listens on is refused by name, with what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)) as caught:
            find_address("127.0.0.1", port)
    assert "--port" in caught.value.hint


def test_the_first_free_port_is_taken() -> None:
    """Without a port it is one from 8501 on, although somebody listens on the first."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", FIRST_PORT))
            other.listen()
        except OSError:
            pass  # somebody else has it already, which is just as well
        assert find_address("127.0.0.1", None).port > FIRST_PORT


def test_an_address_of_another_machine_is_said() -> None:
    """A host that is none of this machine's is an error and no stack trace."""
    with pytest.raises(UsageError, match="cannot listen"):
        find_address("192.0.2.1", None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "no.such.host.invalid"], "cannot listen"),
        (["--port", "70000"], "--port"),
        (["--stale-after", "soon"], "is no duration"),
    ],
)
def test_wrong_options(words: list[str], said: str, tmp_path: Path) -> None:
    """A wrong option ends the command with code 2 and says which."""
    done = reckon("dashboard", *words, folder=tmp_path)
    assert done.returncode == 2
    error = json.loads(done.stderr)["error"]
    assert said in error["message"]


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """Without Streamlit the command says what to install."""
    code = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == "streamlit":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from deadreckon.cli import main
sys.exit(main(["dashboard"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    error = json.loads(done.stderr)["error"]
    assert (error["kind"], error["hint"]) == ("missing_extra", "pip install 'deadreckon[dashboard]'")


def get(url: str, path: str, **headers: str) -> int:
    """The status of a request."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_runs_until_it_is_interrupted(tmp_path: Path) -> None:
    """It prints where it answers, answers there and nowhere else, and Ctrl+C ends it with code 0."""
    root = add(tmp_path / "lake", [span("t", "s", 0)])
    with dashboard(root, folder=tmp_path) as (url, process):
        assert get(url, "/") == 200
        port = urlsplit(url).port
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port or 0), timeout=5).close()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert "Traceback" not in (tmp_path / "dashboard.stderr").read_text()


def test_other_names_for_this_machine_are_refused(tmp_path: Path) -> None:
    """A page elsewhere that points its own name at this machine does not get at the lake."""
    root = add(tmp_path / "lake", [span("t", "s", 0)])
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with dashboard(root, folder=tmp_path) as (url, _):
        assert get(url, "/_stcore/stream", **upgrade) == 101
        assert get(url, "/_stcore/stream", **upgrade, Host="evil.example") != 101
        assert get(url, "/_stcore/stream", **upgrade, Origin="http://evil.example") != 101


def test_a_warning_where_others_can_look(tmp_path: Path) -> None:
    """Listening on every interface is allowed, and said to be without a log-in."""
    with dashboard(tmp_path / "no-lake-yet", "--host", "0.0.0.0", folder=tmp_path) as (url, _):
        assert url.startswith("http://127.0.0.1:")
    assert "no log-in" in (tmp_path / "dashboard.stderr").read_text()
