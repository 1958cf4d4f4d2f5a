"""Starting the dashboard: Streamlit in this very Python, told to keep to itself and to this machine."""

from __future__ import annotations

import http.client
import importlib.util
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deadreckon.core.errors import MissingExtraError, UsageError

LOCAL_HOST: Final = "127.0.0.1"
FIRST_PORT: Final = 8501
PORTS_TRIED: Final = 50
READY_S: Final = 60.0
STALE_VARIABLE: Final = "DEADRECKON_STALE_AFTER_S"
"""Environment variable with the age, in seconds, from which data is shown as stale."""

OPTIONS: Final[dict[str, str]] = {
    # Nothing leaves the machine: no statistics, no question for an e-mail address, no look-up of the outer address.
    "browser.gatherUsageStats": "false",
    "server.headless": "true",
    "server.showEmailPrompt": "false",
    "logger.hideWelcomeMessage": "true",
    "logger.level": "warning",
    # It shows data and is no workbench for Streamlit apps.
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "runner.magicEnabled": "false",
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "server.enableStaticServing": "false",
    "server.maxUploadSize": "1",
    "server.enableCORS": "true",
    "server.enableXsrfProtection": "true",
    "theme.paddingTop": "1.5rem",
    "theme.headingFontSizes": '["2rem", "1.6rem", "1.35rem", "1.2rem", "1.1rem", "1rem"]',
    "theme.metricValueFontSize": "1.4rem",
    "theme.light.primaryColor": "#0b6e75",
    "theme.dark.primaryColor": "#45b3ba",
    "theme.light.codeTextColor": "#1f6f7a",
    "theme.dark.codeTextColor": "#7fc4cd",
    "theme.light.greenColor": "#1f8a99",
    "theme.dark.greenColor": "#1f8a99",
    "theme.light.redColor": "#d9480f",
    "theme.dark.redColor": "#d9480f",
}
"""What Streamlit is started with; the command line wins over a user's own Streamlit settings."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the dashboard listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """What to open in a browser; an address that means every interface is reached at this machine's own."""
        host = {"0.0.0.0": LOCAL_HOST, "::": "::1", "": LOCAL_HOST}.get(self.host, self.host)  # noqa: S104  # compared
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in (LOCAL_HOST, "localhost", "::1")


def require_extra() -> None:
    """Make sure that what the dashboard needs is installed.

    Raises:
        MissingExtraError: it is not; the hint installs it.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise MissingExtraError(
            "the dashboard needs streamlit, which is not installed", hint="pip install 'deadreckon[dashboard]'"
        )


def find_address(host: str, port: int | None) -> Address:
    """A free address: this port, or the first free one from 8501.

    Raises:
        UsageError: the port is taken, or the host is none of this machine's.
    """
    if port is not None:
        trouble = _trouble(host, port)
        if trouble:
            raise UsageError(f"cannot listen on {host} port {port}: {trouble}", hint="name another: --port 8600")
        return Address(host, port)
    for candidate in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        trouble = _trouble(host, candidate)
        if not trouble:
            return Address(host, candidate)
    raise UsageError(
        f"cannot listen on {host}, port {FIRST_PORT} or any of the next {PORTS_TRIED}: {trouble}",
        hint="name an address of this machine and a free port: --host 127.0.0.1 --port 9000",
    )


def serve(address: Address, *, on_ready: Callable[[], None]) -> None:
    """Run the dashboard until it is stopped; `on_ready` is called from another thread once it answers.

    The lake and the settings are found as everywhere: DEADRECKON_LAKE, DEADRECKON_CONFIG, ./deadreckon.toml.

    Raises:
        MissingExtraError: Streamlit is not installed.
    """
    require_extra()
    from streamlit.web.cli import main

    from deadreckon.dashboard.services.source import close_all

    script = str(Path(__file__).parent / "app.py")
    options = OPTIONS | {"server.address": address.host, "server.port": str(address.port)}
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    if address.is_local:
        # A page elsewhere cannot point its own name at this machine and read the lake through it.
        for name in ("localhost", LOCAL_HOST, "[::1]", "::1"):
            flags += ["--server.allowedHosts", name]
    threading.Thread(target=_announce, args=(address, on_ready), daemon=True).start()
    try:
        main(["run", script, *flags], standalone_mode=False)
    finally:
        close_all()


def _announce(address: Address, on_ready: Callable[[], None]) -> None:
    host, _, port = address.url.removeprefix("http://").rpartition(":")
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=2)
        try:
            connection.request("GET", "/_stcore/health")
            if connection.getresponse().status == http.client.OK:
                on_ready()
                return
        except OSError:
            pass  # not up yet
        finally:
            connection.close()
        time.sleep(0.1)


def _trouble(host: str, port: int) -> str:
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except (OSError, OverflowError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""
