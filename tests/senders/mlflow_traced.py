"""MLflow's tracing, sent by OTLP: decorated functions, OpenAI's SDK by its autolog, a session."""

# ruff: noqa: E402, F821 - the code of the page runs first, and names things

from sending import documented

exec(documented("MLflow"))

import openai


@mlflow.trace(span_type="TOOL")
def order_lookup(order):
    if order == "lost":
        raise LookupError(order)
    return "left on Monday"


@mlflow.trace(span_type="AGENT")
def support(question, order):

    client = openai.OpenAI(max_retries=0)
    client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": question}])
    for _ in client.chat.completions.create(
        model="gpt-5",
        messages=[{"role": "user", "content": question}],
        stream=True,
        stream_options={"include_usage": True},
    ):
        pass
    client.responses.create(model="gpt-5", input=question)
    return order_lookup(order)


support("Where is my order?", "o-17")
for question, order in (("Where is it?", "lost"), ("fail with 429", "o-17")):
    try:
        support(question, order)
    except (LookupError, openai.APIStatusError):
        pass
mlflow.flush_trace_async_logging()
