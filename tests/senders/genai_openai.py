"""OpenAI's SDK through OpenTelemetry's instrumentation, with logs and metrics, under `opentelemetry-instrument`."""

from sending import call_openai, documented, watch

exec(documented("OpenAI, by OpenTelemetry"))
provider = watch()


call_openai(provider.get_tracer("app"))
