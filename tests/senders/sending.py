"""What the senders share: the code in docs/frameworks.md that they run, the calls they make, what they say they sent.

Runs in the senders' own environment, without deadreckon.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "frameworks.md"
MODEL = "gpt-5"
TOOL = {
    "type": "function",
    "function": {
        "name": "order_lookup",
        "description": "Where an order is.",
        "parameters": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
    },
}
ASKED = [{"role": "user", "content": "Where is my order?"}]


def documented(title: str) -> str:
    """The Python below a heading of docs/frameworks.md."""
    section = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert section, title
    (code,) = re.findall(r"```python\n(.*?)```", section[1], re.DOTALL)
    return code


def watch() -> Any:
    """The global tracer provider, whose ended spans are told on stdout, too."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

    class Told(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            for span in spans:
                tell(span.context.trace_id, span.context.span_id, span.parent and span.parent.span_id, span.name)
            return SpanExportResult.SUCCESS

    provider = trace.get_tracer_provider()
    provider.add_span_processor(SimpleSpanProcessor(Told()))
    return provider


def tell(trace_id: int, span_id: int, parent_id: int | None, name: str) -> None:
    """Say on stdout that this span ended."""
    parent = None if parent_id is None else f"{parent_id:016x}"
    told = {"trace_id": f"{trace_id:032x}", "span_id": f"{span_id:016x}", "parent_span_id": parent, "name": name}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def call_openai(tracer: Any) -> None:
    """Every sort of call of OpenAI's API, each in a span of its own name."""
    import openai

    client = openai.OpenAI(max_retries=0)
    chat, responses = client.chat.completions.create, client.responses.create
    with tracer.start_as_current_span("plain"):
        chat(model=MODEL, messages=ASKED)
    with tracer.start_as_current_span("streamed"):
        for _ in chat(model=MODEL, messages=ASKED, stream=True, stream_options={"include_usage": True}):
            pass
    with tracer.start_as_current_span("tool"):
        first = chat(model=MODEL, messages=ASKED, tools=[TOOL]).choices[0].message
        answer = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "left on Monday"}
        chat(model=MODEL, messages=[*ASKED, first.model_dump(exclude_none=True), answer], tools=[TOOL])
    for code in (429, 500):
        with tracer.start_as_current_span(f"failed {code}"):
            try:
                chat(model=MODEL, messages=[{"role": "user", "content": f"fail with {code}"}])
            except openai.APIStatusError:
                pass
    with tracer.start_as_current_span("left early"):
        for _ in (stream := chat(model=MODEL, messages=ASKED, stream=True)):
            stream.close()
            break
    with tracer.start_as_current_span("response"):
        responses(model=MODEL, input="Where is my order?")
    with tracer.start_as_current_span("response streamed"):
        for _ in responses(model=MODEL, input="Where is my order?", stream=True):
            pass
    with tracer.start_as_current_span("embedded"):
        client.embeddings.create(model="text-embedding-3-small", input="Where is my order?")
