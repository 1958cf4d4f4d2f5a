"""OpenAI's SDK through OpenLLMetry."""

from sending import call_openai, documented, watch

exec(documented("Setting OpenTelemetry up"))
exec(documented("OpenAI, by OpenLLMetry"))
provider = watch()
call_openai(provider.get_tracer("app"))
provider.shutdown()
