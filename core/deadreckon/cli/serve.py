"""`reckon serve`: receive what OpenTelemetry's exporters send."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer

from deadreckon.cli.options import ConfigOption, LakeOption, settings_for
from deadreckon.cli.output import say

TOKEN_VARIABLE: Final = "DEADRECKON_SERVE_TOKEN"  # noqa: S105 - its name


def command(
    *,
    ingest: Annotated[bool, typer.Option("--ingest", help="Bring what is received into the lake, too.")] = False,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Where to listen; 0.0.0.0 is every interface.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port of HTTP; 0 is any free one.")] = 4318,
    grpc: Annotated[bool, typer.Option("--grpc", help="Receive gRPC, too.")] = False,
    grpc_port: Annotated[
        int, typer.Option("--grpc-port", min=0, max=65535, help="The port of gRPC; 0 is any free one.")
    ] = 4317,
    spool: Annotated[
        Path, typer.Option("--spool", metavar="DIR", help="Where what was received waits for reckon ingest.")
    ] = Path("spool"),
    max_body: Annotated[
        int, typer.Option("--max-body", metavar="BYTES", min=1024, help="A request's size, unpacked, at most.")
    ] = 20 << 20,
    max_memory: Annotated[
        int, typer.Option("--max-memory", metavar="BYTES", min=1 << 20, help="Bytes of all requests at hand at most.")
    ] = 256 << 20,
    max_connections: Annotated[
        int, typer.Option("--max-connections", metavar="N", min=1, help="Connections at a time at most.")
    ] = 1000,
    request_timeout: Annotated[
        float, typer.Option("--request-timeout", metavar="SECONDS", min=0.1, help="For a request to arrive.")
    ] = 30.0,
    lake: LakeOption = None,
    config: ConfigOption = None,
) -> int:
    """Receive OpenTelemetry traces, logs and metrics (OTLP) into the spool, and with --ingest into the lake.

    A request is answered when what it brought is on the disk. Runs until Ctrl+C. With DEADRECKON_SERVE_TOKEN set,
    senders must show it as a bearer token.

    Examples:
      reckon serve --ingest
      reckon serve --grpc --spool /var/spool/otel
      DEADRECKON_SERVE_TOKEN=... reckon serve --ingest --host 0.0.0.0
    """
    from deadreckon.serve.follower import Follower
    from deadreckon.serve.limits import Limits
    from deadreckon.serve.server import Where, require_extra, serve

    require_extra(grpc=grpc)
    settings = settings_for(lake, config)
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    where = Where(host, port, spool, grpc_port if grpc else None)
    if ingest:
        # What may be received must not be too long to be ingested; JSON is longer than protobuf.
        line = max(settings.ingest.max_line_bytes, 2 * max_body)
        settings = settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"max_line_bytes": line})})
    limits = Limits(
        body=max_body,
        memory=max_memory,
        line=settings.ingest.max_line_bytes,
        connections=max_connections,
        request_seconds=request_timeout,
    )
    if not where.is_local and not token:
        say(
            f"warning: {host} can be reached from other machines, and whoever reaches it may send: set {TOKEN_VARIABLE}"
        )

    def ready(http: int, rpc: int | None) -> None:
        name = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"http://{name}:{http}\n" + (f"grpc://{name}:{rpc}\n" if rpc else ""))
        sys.stdout.flush()
        into = f"{spool} and {settings.lake}" if ingest else f"{spool}; reckon ingest --follow {spool} brings it on"
        say(f"receiving OTLP into {into}; Ctrl+C ends it")

    def warn(message: str) -> None:
        say(f"warning: {message}")

    with ExitStack() as beside:

        def begin(http: int, rpc: int | None) -> None:
            if ingest:
                beside.enter_context(Follower(spool, settings, warn))
            ready(http, rpc)

        serve(where, limits, token, on_ready=begin)
    return 0
