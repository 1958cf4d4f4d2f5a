"""OpenAI's SDK through OpenInference."""

# ruff: noqa: E402 - the code of the page runs first

from sending import call_openai, documented, watch

exec(documented("Setting OpenTelemetry up"))
exec(documented("OpenAI, by OpenInference"))
provider = watch()

from openinference.instrumentation import using_attributes

with using_attributes(session_id="ses-openai", user_id="usr-1", metadata={"plan": "pro"}, tags=["test"]):
    call_openai(provider.get_tracer("app"))
provider.shutdown()
