"""One call told by two libraries: a framework's span around that of its client."""

# ruff: noqa: E402, F821 - the code of the page runs first, and names things

from sending import documented, watch

exec(documented("Setting OpenTelemetry up"))
exec(documented("OpenAI, by OpenInference"))
exec(documented("pydantic-ai"))
exec(documented("OpenAI Agents SDK"))
exec(documented("LangChain and LangGraph"))
provider = watch()

import asyncio

import agents
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI


async def main():
    await Agent("openai:gpt-5", name="pydantic").run("Where is my order?")
    await agents.Runner.run(agents.Agent(name="responses", model="gpt-5"), "Where is my order?")
    chat = agents.OpenAIChatCompletionsModel("gpt-5", AsyncOpenAI())
    await agents.Runner.run(agents.Agent(name="completions", model=chat), "Where is my order?")
    await ChatOpenAI(model="gpt-5").ainvoke("Where is my order?")


asyncio.run(main())
provider.shutdown()
