"""Running a receiver until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import ipaddress
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deadreckon.core.errors import MissingExtraError, UsageError
from deadreckon.emit import new_id
from deadreckon.serve.journal import Journal
from deadreckon.serve.limits import Limits
from deadreckon.serve.receiver import Receiver


@dataclass(frozen=True, slots=True)
class Where:
    """What a receiver listens on and writes to."""

    host: str
    port: int
    """0 is any free one."""
    spool: Path
    grpc_port: int | None = None
    """None: no gRPC."""

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


Ready = Callable[[int, int | None], None]
"""Is told the ports, of HTTP and of gRPC, that are listened on."""


def require_extra(*, grpc: bool = False) -> None:
    """Make sure that what the receiver needs is installed.

    Raises:
        MissingExtraError: it is not; the hint installs it.
    """
    needed = {"starlette": "starlette", "uvicorn": "uvicorn", "httptools": "httptools"}
    needed |= {"opentelemetry.proto": "opentelemetry-proto"}
    needed |= {"grpc": "grpcio"} if grpc else {}
    for module, package in needed.items():
        if not _is_installed(module):
            extra = "serve-grpc" if grpc else "serve"
            raise MissingExtraError(
                f"the receiver needs {package}, which is not installed", hint=f"pip install 'deadreckon[{extra}]'"
            )


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its parent is not there either
        return False


def serve(where: Where, limits: Limits, token: str, *, on_ready: Ready) -> None:
    """Receive until SIGTERM or SIGINT; then answer what is at hand, and seal the spool.

    Raises:
        MissingExtraError: a package is not installed.
        UsageError: the address cannot be listened on, or the spool not written.
    """
    require_extra(grpc=where.grpc_port is not None)
    listener = listen(where.host, where.port)
    try:
        journal = Journal(where.spool, new_id)
        trouble = journal.probe()
        if trouble:
            raise UsageError(f"cannot write the spool {trouble}", hint="name a folder that can be written: --spool DIR")
        asyncio.run(_serve(where, listener, Receiver(journal, limits, token), on_ready))
    finally:
        listener.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        UsageError: the port is taken, or the host is none of this machine's.
    """
    try:
        family, _, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(target[0]), port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None) or 0
        why = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen on {host} port {port}: {why}",
            hint="name another with --port, and to the senders with OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:PORT",
        ) from error


async def _serve(where: Where, listener: socket.socket, receiver: Receiver, on_ready: Ready) -> None:
    from deadreckon.serve.http import server

    http, rpc, rpc_port = server(receiver), None, None
    _collect_rarely()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, http.stop)
    try:
        if where.grpc_port is not None:
            from deadreckon.serve.rpc import start

            rpc, rpc_port = await start(receiver, where.host, where.grpc_port)
        on_ready(listener.getsockname()[1], rpc_port)  # the socket listens: what connects now is answered in a moment
        await http.serve(sockets=[listener])
        if rpc:
            await rpc.stop(receiver.limits.stop_seconds)
    finally:
        await asyncio.to_thread(receiver.close)


def _collect_rarely() -> None:
    """Let Python look for cycles among objects less often.

    A request becomes ten thousands of objects without a cycle that live until it is written: by default every few
    hundred of them start a search, which takes a quarter of the receiver's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
