-- measures: the numbers that events state, one by one: what exact_percentiles_by_... are of. Features and outputs are not
-- among them: engines take JSON objects apart in ways of their own. percentiles_by_... have them, within a stated error;
-- json_text(features, 'NAME') is one of them, for an exact figure
-- Grain: one row per event and subject that it states as a finite number
-- Columns:
--   event_id
--   ts
--   date
--   environment
--   model
--   model_version
--   subject          latency_ms (duration_ms of any event), ttft_ms, cost_usd, input_tokens or output_tokens
--   value            of the subject, in its unit
SELECT event_id, ts, date, environment, model, model_version, 'latency_ms' AS subject, CAST(duration_ms AS DOUBLE) AS value
FROM events
WHERE duration_ms IS NOT NULL AND duration_ms - duration_ms = 0
UNION ALL
SELECT event_id, ts, date, environment, model, model_version, 'ttft_ms' AS subject, CAST(ttft_ms AS DOUBLE) AS value
FROM events
WHERE ttft_ms IS NOT NULL AND ttft_ms - ttft_ms = 0
UNION ALL
SELECT event_id, ts, date, environment, model, model_version, 'cost_usd' AS subject, CAST(cost_usd AS DOUBLE) AS value
FROM events
WHERE cost_usd IS NOT NULL AND cost_usd - cost_usd = 0
UNION ALL
SELECT event_id, ts, date, environment, model, model_version, 'input_tokens' AS subject, CAST(input_tokens AS DOUBLE) AS value
FROM events
WHERE input_tokens IS NOT NULL AND input_tokens - input_tokens = 0
UNION ALL
SELECT event_id, ts, date, environment, model, model_version, 'output_tokens' AS subject, CAST(output_tokens AS DOUBLE) AS value
FROM events
WHERE output_tokens IS NOT NULL AND output_tokens - output_tokens = 0
