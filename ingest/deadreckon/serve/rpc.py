"""OTLP over gRPC: the same requests, with gRPC's codes for what can go wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc
import grpc.aio

from deadreckon.core.errors import UsageError
from deadreckon.serve import answers
from deadreckon.serve.journal import NotWrittenError
from deadreckon.serve.limits import OverloadedError, TooLargeError
from deadreckon.serve.lines import MalformedError
from deadreckon.serve.signals import SIGNALS, Signal

if TYPE_CHECKING:
    from deadreckon.serve.receiver import Receiver

_SMALL: Final = 1 << 20
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


async def start(receiver: Receiver, host: str, port: int) -> tuple[Any, int]:
    """A running gRPC server, and its port; `stop(seconds)` ends it when the calls at hand are answered.

    Raises:
        UsageError: the address cannot be listened on.
    """
    server = grpc.aio.server(
        handlers=[_Services(receiver)],
        options=[
            ("grpc.max_receive_message_length", receiver.limits.body),
            ("grpc.http2.bdp_probe", 0),  # or what nobody asked for yet is let in by the megabyte
            ("grpc.so_reuseport", 0),  # or two receivers would take turns on one port
        ],
    )
    name = f"[{host}]" if ":" in host else host
    try:
        bound = server.add_insecure_port(f"{name}:{port}")
    except RuntimeError as error:
        raise UsageError(
            f"cannot listen on {host} port {port} for gRPC",
            hint="name another with --grpc-port, and to the senders with OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:PORT",
        ) from error
    await server.start()
    return server, bound


class _Services(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpcio has no types
    """The three services. They get a request's bytes as they are: its id is made from them.

    Each method is declared as one of a stream, which is the same on the wire: its message is not read before it is
    asked for, so that who may not send fills no memory, and who may waits until there is room.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._calls = 0
        self._reading = asyncio.Semaphore(max(1, receiver.limits.memory // receiver.limits.body // 2))
        self._methods = {f"/{signal.service}/Export": self._method(signal) for signal in SIGNALS}

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a call; None when there is no such method."""
        return self._methods.get(handler_call_details.method)

    def _method(self, signal: Signal) -> Any:
        async def export(_: Any, context: Any) -> bytes:
            self._calls += 1
            try:
                return await self._export(signal, context)
            finally:
                self._calls -= 1

        return grpc.stream_unary_rpc_method_handler(export)

    async def _export(self, signal: Signal, context: Any) -> bytes:
        receiver = self._receiver
        shown = dict(context.invocation_metadata() or ()).get("authorization", "")
        if not receiver.admits(str(shown)):
            await self._refuse(context, answers.UNAUTHENTICATED, "the sender must show the receiver's token")
        if self._calls > receiver.limits.connections:
            # Not RESOURCE_EXHAUSTED, which the protocol does not let senders send again.
            await self._refuse(context, answers.UNAVAILABLE, f"{receiver.limits.connections} calls are being answered")
        try:
            with receiver.memory.share() as share:
                async with self._reading:
                    body = await self._message(context)
                    share.add(len(body))
                    # A large one keeps its place until it is written; small ones gather, to be forced together.
                    found = await receiver.take(signal, body, share, json=False) if len(body) > _SMALL else None
                found = found or await receiver.take(signal, body, share, json=False)
        except (MalformedError, TooLargeError) as error:
            await self._refuse(context, answers.INVALID_ARGUMENT, str(error))
        except TimeoutError:
            message = f"the message did not arrive within {receiver.limits.request_seconds:g} seconds"
            await self._refuse(context, answers.UNAVAILABLE, message)
        except OverloadedError as error:
            await self._refuse(context, answers.UNAVAILABLE, str(error))
        except NotWrittenError as error:
            await self._refuse(context, answers.UNAVAILABLE, f"not written: {error}")
        return answers.success(signal, answers.PROTOBUF, found.rejected, found.reason)

    async def _message(self, context: Any) -> bytes:
        async with asyncio.timeout(self._receiver.limits.request_seconds):
            body = await context.read()  # grpcio's iterator would keep it until cycles are looked for
        if body is grpc.aio.EOF:
            raise MalformedError("the call has no message")
        found: bytes = body
        return found

    async def _refuse(self, context: Any, code: int, message: str) -> NoReturn:
        await context.abort(_CODES[code], message)
        raise AssertionError("abort raises")
