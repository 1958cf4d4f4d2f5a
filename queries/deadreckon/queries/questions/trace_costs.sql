-- The model calls of some traces: the only events whose tokens and cost count.
SELECT event_id, cost_usd, cost_source, input_tokens, output_tokens
FROM model_calls
WHERE list_contains($traces, trace_id)
