"""The dead-man's switch against real servers: well, slow, broken, elsewhere."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from tests.monitor.commands import REPOSITORY, configure, reckon
from tests.monitor.lakes import calls, make

from deadreckon.core.settings import MonitorSettings
from deadreckon.monitor.ping import ping

SECRET = "b7c1-secret"
VARIABLE = "THE_SWITCH"
FINE = '[[rules]]\nname = "fine"\nmetric = "event_count"\nwindow = "5m"\nbelow = 1\nno_data = "ok"\n'


class Server:
    """A server on this machine that answers every path as told, and remembers what it was asked."""

    def __init__(self, answer: int, location: str = "") -> None:
        self.asked: list[str] = []
        self.go_on = Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                if answer == 0:
                    server.go_on.wait()
                    return
                moved = location and self.path != "/moved"
                self.send_response(answer if moved or not location else 200)
                if moved:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._http.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}/{SECRET}"

    def close(self) -> None:
        """Let go of whoever waits, and of the port."""
        self.go_on.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@contextmanager
def serving(answer=200, location=""):
    """A server for as long as the block lasts."""
    server = Server(answer, location)
    try:
        yield server
    finally:
        server.close()


def test_a_ping_asks_the_url_and_its_fail():
    """Once each, the query kept; nothing is wrong then."""
    with serving() as server:
        assert ping(server.url) == ""
        assert ping(server.url + "/?rid=1", failed=True) == ""
        assert server.asked == [f"/{SECRET}", f"/{SECRET}/fail?rid=1"]


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_refusal_is_said_by_its_number(status):
    """And not by its address."""
    with serving(status) as server:
        assert ping(server.url) == f"it answered {status}"


def test_a_server_that_hangs_is_given_up():
    """The server answers only when the ping is over."""
    with serving(0) as server:
        assert ping(server.url, timeout_s=0.3) == "it did not answer within 0.3 s"


def test_a_server_that_drips_is_given_up():
    """Each byte comes in time, the answer never: the bound holds for the whole."""
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                while not over.wait(0.05):
                    connection.send(b"H")

        dripping = Thread(target=drip)
        dripping.start()
        try:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/{SECRET}"
            assert ping(url, timeout_s=0.5) == "it did not answer within 0.5 s"
        finally:
            over.set()
            dripping.join()


def test_redirects_stay_on_their_host():
    """One to another path is followed, one to another host is not: it would be told a secret."""
    with serving(302, "/moved") as server:
        assert ping(server.url) == ""
        assert server.asked == [f"/{SECRET}", "/moved"]
    with serving() as other, serving(307, other.url.replace("127.0.0.1", "localhost")) as server:
        assert ping(server.url) == "it answered 307, a redirect that is not followed"
        assert other.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        SECRET,
        f"file:///{SECRET}",
        f"ftp://127.0.0.1/{SECRET}",
        f"http://[::1/{SECRET}",
        f"http://127.0.0.1:port/{SECRET}",
        f"http://user:{SECRET}@127.0.0.1:1/",
        f"http://127.0.0.1:1/{SECRET} with spaces",
        f"http://127.0.0.1:1/{SECRET}",
    ],
)
def test_what_cannot_be_asked_is_said_without_the_url(url):
    """Addresses that are none, and a port at which nobody listens."""
    said = ping(url)
    assert said
    assert SECRET not in said


@pytest.fixture
def folder(tmp_path):
    """A lake, and settings with a switch."""
    make(tmp_path / "lake", calls(-200, 3))
    configure(tmp_path, f'[monitor]\nping_url_env = "{VARIABLE}"\n{FINE}')
    return tmp_path


def test_an_evaluation_pings_once_it_is_made(folder, monkeypatch):
    """Whatever it found; a look without consequences pings nobody."""
    with serving() as server:
        monkeypatch.setenv(VARIABLE, f" {server.url}\n")
        code, _, err = reckon("monitor", "--fail-on", "none", folder=folder)
        assert (code, server.asked) == (0, [f"/{SECRET}"])
        assert "switch" not in err
        assert reckon("monitor", folder=folder)[0] == 1
        assert len(server.asked) == 2
        reckon("monitor", "--dry-run", folder=folder)
        reckon("monitor", "--as-of", "2026-10-01T12:00:00Z", folder=folder)
        assert len(server.asked) == 2


@pytest.mark.parametrize("answer", [0, 500])
def test_a_switch_that_does_not_answer_is_a_warning(folder, monkeypatch, answer):
    """The exit code stays, and nothing that is said holds the URL."""
    monkeypatch.setenv("DEADRECKON_MONITOR_PING_TIMEOUT_S", "0.3")
    with serving(answer) as server:
        monkeypatch.setenv(VARIABLE, server.url)
        code, out, err = reckon("monitor", "--fail-on", "none", folder=folder)
        assert code == 0
        assert "warning: the dead-man's switch was not reached" in err
        assert VARIABLE in err
        assert SECRET not in err + json.dumps(out)


def test_a_switch_without_its_variable_is_a_warning(folder, monkeypatch):
    """A machine on which nobody set it would be missed by nobody."""
    monkeypatch.delenv(VARIABLE, raising=False)
    code, _, err = reckon("monitor", "--fail-on", "none", folder=folder)
    assert code == 0
    assert f"{VARIABLE} is not set" in err


@pytest.mark.parametrize(("told", "asked"), [("", []), ("ping_failures = true\n", [f"/{SECRET}/fail"])])
def test_an_evaluation_that_failed_does_not_ping(folder, monkeypatch, told, asked):
    """Silence raises the alarm; where the service knows `/fail`, that does at once."""
    configure(folder, f'[monitor]\nping_url_env = "{VARIABLE}"\n{told}{FINE}')
    (folder / "lake").rename(folder / "moved")
    with serving() as server:
        monkeypatch.setenv(VARIABLE, server.url)
        assert reckon("monitor", folder=folder)[0] == 3
        assert server.asked == asked


def test_changes_that_could_not_be_written_count_as_failed(folder, monkeypatch):
    """What was found is not told to anybody then."""
    rule = FINE.replace("below = 1", "below = 1000").replace('"ok"', '"firing"')
    configure(folder, f'[monitor]\nping_url_env = "{VARIABLE}"\nping_failures = true\n{rule}')
    (folder / "lake" / "_alerts").write_text("a file where a folder should be")
    with serving() as server:
        monkeypatch.setenv(VARIABLE, server.url)
        assert reckon("monitor", "--fail-on", "none", folder=folder)[0] == 4
        assert server.asked == [f"/{SECRET}/fail"]


def test_the_page_says_what_can_be_set():
    """Every setting of [monitor], with its default and meaning, in order."""
    page = (REPOSITORY / "docs" / "monitor.md").read_text("utf-8")
    table = page.partition("| setting (`[monitor]`)")[2].partition("\n\n")[0].splitlines()[2:]
    shown = {"": "none", False: "false"}
    assert table == [
        f"| `{name}` | {shown.get(field.default, field.default)} | {field.description} |"
        for name, field in MonitorSettings.model_fields.items()
    ]
