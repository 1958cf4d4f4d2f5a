"""A stand-in for OpenAI's API on loopback: the remote of the senders in the tests.

It answers by what is asked: with a call of the first tool where tools are offered and none has answered yet, with an
error where the last message says so, else with a text; streamed on demand. Usage is always the same.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Final, Self

INPUT, CACHED, OUTPUT, REASONING = 1200, 1024, 80, 48
EMBEDDED: Final = 7
SERVED: Final = "-2026-09-01"
"""What the name of the model that answers has behind that of the model asked for."""
TEXT: Final = "Your order left on Monday."
ANSWERS: Final = count(1)
"""Each answer has an id of its own."""
FIRST_PIECE_S: Final = 0.05
"""Seconds before the first piece of a streamed answer."""
_CHAT_USAGE: Final = {
    "prompt_tokens": INPUT,
    "completion_tokens": OUTPUT,
    "total_tokens": INPUT + OUTPUT,
    "prompt_tokens_details": {"cached_tokens": CACHED, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": REASONING, "audio_tokens": 0},
}
_RESPONSE_USAGE: Final = {
    "input_tokens": INPUT,
    "input_tokens_details": {"cached_tokens": CACHED, "cache_write_tokens": 0},
    "output_tokens": OUTPUT,
    "output_tokens_details": {"reasoning_tokens": REASONING},
    "total_tokens": INPUT + OUTPUT,
}


class Stub:
    """Serves on a free port while it is entered; `url` is what the SDK calls its base URL."""

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        failure = re.search(r"fail with (\d+)", json.dumps(asked.get("messages") or asked.get("input")))
        if failure:
            self._json(int(failure[1]), {"error": {"message": "as you asked", "type": "stub", "code": "stub"}})
        elif self.path.endswith("/embeddings"):
            self._json(200, _embeddings(asked))
        else:
            chat = self.path.endswith("/chat/completions")
            made, pieces = (_chat, _chunks) if chat else (_response, _events)
            answer = made(asked)
            if asked.get("stream"):
                self._stream(pieces(answer, asked))
            else:
                self._json(200, answer)

    def _json(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, pieces: Iterator[tuple[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        time.sleep(FIRST_PIECE_S)
        for event, data in pieces:
            named = f"event: {event}\n" if event else ""
            self.wfile.write(f"{named}data: {data if data == '[DONE]' else json.dumps(data)}\n\n".encode())
            self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Be silent."""


def _tool(asked: dict[str, Any]) -> tuple[str, str] | None:
    """The name of the tool to call and its arguments, unless one has answered since the user spoke last."""
    said = asked.get("messages") or asked.get("input")
    last = said[-1] if isinstance(said, list) else {}
    if not asked.get("tools") or last.get("role") == "tool" or last.get("type") == "function_call_output":
        return None
    first = asked["tools"][0]
    first = first.get("function", first)
    parameters = first.get("parameters", {}).get("properties", {})
    return first["name"], json.dumps(dict.fromkeys(parameters, "o-17"))


def _chat(asked: dict[str, Any]) -> dict[str, Any]:
    tool = _tool(asked)
    message: dict[str, Any] = {"role": "assistant", "content": None if tool else TEXT}
    if tool:
        call = {"id": "call-1", "type": "function", "function": {"name": tool[0], "arguments": tool[1]}}
        message["tool_calls"] = [call]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if tool else "stop"}
    return {
        "id": f"chatcmpl-{next(ANSWERS)}",
        "object": "chat.completion",
        "created": 1,
        "model": asked["model"] + SERVED,
        "choices": [choice],
        "usage": _CHAT_USAGE,
    }


def _chunks(answer: dict[str, Any], asked: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    choice = answer["choices"][0]
    message = choice["message"]
    head = {**answer, "object": "chat.completion.chunk"}
    del head["usage"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word + " "} for word in (message["content"] or "").split()]
    deltas += [{"tool_calls": [{"index": 0, **call}]} for call in message.get("tool_calls", ())]
    for delta in deltas:
        yield "", {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield "", {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield "", {**head, "choices": [], "usage": _CHAT_USAGE}
    yield "", "[DONE]"


def _response(asked: dict[str, Any]) -> dict[str, Any]:
    tool = _tool(asked)
    if tool:
        item: dict[str, Any] = {"type": "function_call", "call_id": "call-1", "name": tool[0], "arguments": tool[1]}
    else:
        content = [{"type": "output_text", "text": TEXT, "annotations": []}]
        item = {"type": "message", "role": "assistant", "content": content}
    return {
        "id": f"resp-{next(ANSWERS)}",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": asked["model"] + SERVED,
        "output": [{"id": "item-1", "status": "completed", **item}],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": asked.get("tools", []),
        "usage": _RESPONSE_USAGE,
    }


def _events(answer: dict[str, Any], _: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    begun = {**answer, "status": "in_progress", "output": [], "usage": None}
    item = answer["output"][0]
    steps: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "status": "in_progress"}},
    ]
    if item["type"] == "message":
        place = {"item_id": "item-1", "output_index": 0, "content_index": 0}
        steps += [
            {"type": "response.output_text.delta", "delta": word + " ", "logprobs": [], **place}
            for word in TEXT.split()
        ]
    steps += [
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": answer},
    ]
    for number, step in enumerate(steps):
        yield step["type"], {"sequence_number": number, **step}


def _embeddings(asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}],
        "model": asked["model"],
        "usage": {"prompt_tokens": EMBEDDED, "total_tokens": EMBEDDED},
    }
