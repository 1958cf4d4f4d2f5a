"""A LangChain agent told by LangSmith's own exporter, which the environment turns on."""

# ruff: noqa: E402 - the code of the page runs first

from sending import documented, watch

exec(documented("Setting OpenTelemetry up"))
provider = watch()

from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_core.tracers.langchain import wait_for_all_tracers
from langchain_openai import ChatOpenAI


@tool
def order_lookup(order: str) -> str:
    """Where an order is."""
    return "left on Monday"


agent = create_agent(ChatOpenAI(model="gpt-5"), [order_lookup], name="support")
agent.invoke({"messages": [("user", "Where is my order?")]}, config={"metadata": {"session_id": "ses-smith"}})
wait_for_all_tracers()
provider.shutdown()
