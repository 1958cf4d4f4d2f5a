"""OpenAI's Agents SDK against the stub, through OpenInference: a tool, a handoff, an error."""

# ruff: noqa: E402 - the code of the page runs first

from sending import documented, watch

exec(documented("Setting OpenTelemetry up"))
exec(documented("OpenAI Agents SDK"))
provider = watch()

import asyncio

import openai
from agents import Agent, Runner, UserError, function_tool, set_default_openai_client
from openinference.instrumentation import using_session


@function_tool
def order_lookup(order: str) -> str:
    """Where an order is."""
    return "left on Monday"


@function_tool(failure_error_function=None)
def refund(order: str) -> str:
    """Pay back."""
    raise LookupError(order)


async def main():
    set_default_openai_client(openai.AsyncOpenAI(max_retries=0), use_for_tracing=False)
    support = Agent(name="support", model="gpt-5", tools=[order_lookup])
    with using_session("ses-agents"):
        await Runner.run(support, "Where is my order?")
    run = Runner.run_streamed(support, "Where is my order?")
    async for _ in run.stream_events():
        pass
    await Runner.run(Agent(name="front", model="gpt-5", handoffs=[support]), "Where is my order?")
    broken = Agent(name="broken", model="gpt-5", tools=[refund])
    for agent, said in ((broken, "My money."), (support, "fail with 429")):
        try:
            await Runner.run(agent, said)
        except (openai.RateLimitError, UserError):
            pass


asyncio.run(main())
provider.shutdown()
