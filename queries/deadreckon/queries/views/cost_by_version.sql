-- cost_by_version: what each model version costs, in money and tokens
-- Grain: one row per environment, model, model_version, variant and operation
-- Columns:
--   environment
--   model
--   model_version
--   variant
--   operation
--   calls [count]    all calls
--   priced_calls [count]  calls whose cost is known, reported or computed
--   unpriced_calls [count]  calls whose cost should be known and is not: cost_usd leaves them out
--   cost_usd [US dollars]  of the priced calls: as reported, else as computed; NULL where none is priced
--   cost_per_call_usd [US dollars]  cost_usd per priced call
--   reported_usd [US dollars]  sum of what writers reported
--   computed_usd [US dollars]  sum of what token counts and prices give, also for calls with a reported cost
--   difference_usd [US dollars]  reported less computed cost, of the calls where both are known
--   input_tokens
--   output_tokens
--   cache_read_tokens
--   cache_write_tokens
--   reasoning_tokens
--   first_ts [UTC, microseconds]  the earliest call
--   last_ts [UTC, microseconds]  the latest call
SELECT
    environment,
    model,
    model_version,
    variant,
    operation,
    COUNT(*) AS calls,
    COUNT(cost_usd) AS priced_calls,
    COUNT(*) FILTER (WHERE cost_source = 'unpriced') AS unpriced_calls,
    SUM(cost_usd) AS cost_usd,
    AVG(cost_usd) AS cost_per_call_usd,
    SUM(reported_usd) AS reported_usd,
    SUM(computed_usd) AS computed_usd,
    SUM(difference_usd) AS difference_usd,
    CAST(SUM(input_tokens) AS BIGINT) AS input_tokens,
    CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
    CAST(SUM(cache_read_tokens) AS BIGINT) AS cache_read_tokens,
    CAST(SUM(cache_write_tokens) AS BIGINT) AS cache_write_tokens,
    CAST(SUM(reasoning_tokens) AS BIGINT) AS reasoning_tokens,
    MIN(ts) AS first_ts,
    MAX(ts) AS last_ts
FROM model_calls
GROUP BY environment, model, model_version, variant, operation
