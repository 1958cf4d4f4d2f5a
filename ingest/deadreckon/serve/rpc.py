"""OTLP over gRPC: the same requests, with gRPC's codes for what can go wrong."""

from __future__ import annotations

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

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


async def start(receiver: Receiver, host: str, port: int) -> tuple[Any, int]:
    """A running gRPC server, and its port; `stop(seconds)` ends it when the calls at hand are answered.

    Raises:
        UsageError: the address cannot be listened on.
    """
    server = grpc.aio.server(
        handlers=[_Services(receiver)],
        maximum_concurrent_rpcs=receiver.limits.connections,
        options=[
            ("grpc.max_receive_message_length", receiver.limits.body),
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
    """The three services. They get a request's bytes as they are: its id is made from them."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._methods = {f"/{signal.service}/Export": self._method(signal) for signal in SIGNALS}

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a call; None when there is no such method."""
        return self._methods.get(handler_call_details.method)

    def _method(self, signal: Signal) -> Any:
        async def export(body: bytes, context: Any) -> bytes:
            return await self._export(signal, body, context)

        return grpc.unary_unary_rpc_method_handler(export)

    async def _export(self, signal: Signal, body: bytes, context: Any) -> bytes:
        receiver = self._receiver
        shown = dict(context.invocation_metadata() or ()).get("authorization", "")
        if not receiver.admits(str(shown)):
            await self._refuse(context, answers.UNAUTHENTICATED, "the sender must show the receiver's token")
        try:
            with receiver.memory.share() as share:
                share.add(len(body))
                found = await receiver.take(signal, body, share, json=False)
        except (MalformedError, TooLargeError) as error:
            await self._refuse(context, answers.INVALID_ARGUMENT, str(error))
        except OverloadedError as error:
            await self._refuse(context, answers.UNAVAILABLE, str(error))
        except NotWrittenError as error:
            await self._refuse(context, answers.UNAVAILABLE, f"not written: {error}")
        return answers.success(signal, answers.PROTOBUF, found.rejected, found.reason)

    async def _refuse(self, context: Any, code: int, message: str) -> NoReturn:
        await context.abort(_CODES[code], message)
        raise AssertionError("abort raises")
