-- Everything that a span says of itself; long texts are cut, and their whole length is told.
SELECT
    ts,
    date,
    error_type,
    error_message,
    provider,
    ttft_ms,
    attempt,
    idempotency_key,
    run_id,
    service,
    host,
    environment,
    variant,
    LEFT(input, $most) AS input,
    COALESCE(input_length, LENGTH(input)) AS input_length,
    LEFT(output, $most) AS output,
    COALESCE(output_length, LENGTH(output)) AS output_length,
    LEFT(attributes, $most) AS attributes,
    LENGTH(attributes) AS attributes_length
FROM events
WHERE trace_id = $trace AND event_id = $event
LIMIT 1
