"""LangGraph agents with a fake model, one with a tool that fails, a chain, and a model of OpenAI: by OpenInference."""

# ruff: noqa: E402 - the code of the page runs first

from __future__ import annotations

import itertools

import openai
from sending import documented, watch

exec(documented("Setting OpenTelemetry up"))
exec(documented("LangChain and LangGraph"))
provider = watch()

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openinference.instrumentation import using_session


class Fake(GenericFakeChatModel):
    """Says what it was given, as if it were a provider's model."""

    model: str = "gpt-5"

    def bind_tools(self, tools, **_):
        return self


@tool
def order_lookup(order: str) -> str:
    """Where an order is."""
    if order == "lost":
        raise LookupError(order)
    return "left on Monday"


def said(content, calls=()):
    return AIMessage(
        content,
        tool_calls=[{"name": "order_lookup", "args": {"order": order}, "id": f"call-{order}"} for order in calls],
        response_metadata={"model_name": "gpt-5-2026-09-01", "finish_reason": "tool_calls" if calls else "stop"},
        usage_metadata={
            "input_tokens": 1200,
            "output_tokens": 80,
            "total_tokens": 1280,
            "input_token_details": {"cache_read": 1024},
            "output_token_details": {"reasoning": 48},
        },
    )


def agent(*answers):
    return create_agent(Fake(messages=iter(answers)), [order_lookup], name="support")


with using_session("ses-graph"):
    agent(said("", ["o-17"]), said("On Monday.")).invoke({"messages": [("user", "Where is my order?")]})
    try:
        agent(said("", ["lost"])).invoke({"messages": [("user", "Where is my order?")]})
    except LookupError:
        pass
chain = ChatPromptTemplate.from_messages([("user", "Where is {order}?")]) | Fake(
    messages=itertools.repeat(said("Here."))
)
list(chain.stream({"order": "o-17"}, config={"metadata": {"thread_id": "thread-1"}}))
ChatOpenAI(model="gpt-5").invoke("Where is my order?")
list(ChatOpenAI(model="gpt-5", stream_usage=True).stream("Where is my order?"))
try:
    ChatOpenAI(model="gpt-5", max_retries=0).invoke("fail with 429")
except openai.RateLimitError:
    pass
provider.shutdown()
