-- The model calls of some traces: the only events whose tokens and cost count.
SELECT event_id, cost_usd, cost_source
FROM model_calls
WHERE date BETWEEN $first_day AND $last_day AND trace_id IN (SELECT unnest($traces))
