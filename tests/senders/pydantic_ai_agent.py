"""pydantic-ai agents: with its TestModel, with a tool that fails, and streamed."""

# ruff: noqa: E402, F821 - the code of the page runs first, and names things

from sending import documented, watch

exec(documented("Setting OpenTelemetry up"))
exec(documented("pydantic-ai"))
provider = watch()

import asyncio

from pydantic_ai.models.test import TestModel

agent = Agent(TestModel(model_name="gpt-5"), name="support")


@agent.tool_plain
def order_lookup(order: str) -> str:
    """Where an order is."""
    return "left on Monday"


broken = Agent(TestModel(model_name="gpt-5"), name="broken")


@broken.tool_plain
def refund(order: str) -> str:
    """Pay back."""
    raise LookupError(order)


async def streamed():
    async with agent.run_stream("Where is my order?") as answer:
        async for _ in answer.stream_text():
            pass


agent.run_sync("Where is my order?", conversation_id="ses-pydantic")
asyncio.run(streamed())
try:
    broken.run_sync("My money, please.")
except LookupError:
    pass
provider.shutdown()
