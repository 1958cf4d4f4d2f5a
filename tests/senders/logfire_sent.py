"""Logfire with a custom endpoint: spans, logs, an exception, OpenAI's SDK, pydantic-ai."""

# ruff: noqa: E402, F821 - the code of the page runs first, and names things

from sending import call_openai, documented, watch

exec(documented("Logfire"))
provider = watch()

from opentelemetry import trace
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

with logfire.span("answer {order}", order="o-17"):
    logfire.warning("late by {days}", days=2)
    try:
        with logfire.span("refund"):
            raise LookupError("o-17")  # noqa: TRY301 - it is to leave the span
    except LookupError:
        pass
    Agent(TestModel(model_name="gpt-5"), name="support").run_sync("Where is my order?")
call_openai(trace.get_tracer("app"))
logfire.shutdown()
