-- cost_by_user: what each user costs, in money and tokens
-- Grain: one row per user_id; model calls without one are together in the row where it is NULL
-- Columns:
--   user_id
--   sessions [count]  different sessions
--   requests [count]  different requests
--   calls [count]    model calls
--   priced_calls [count]  calls whose cost is known, reported or computed
--   unpriced_calls [count]  calls whose cost should be known and is not: cost_usd leaves them out
--   cost_usd [US dollars]  of the priced calls: as reported, else as computed; NULL where none is priced
--   wasted_usd [US dollars]  the part of cost_usd that went into failed and cancelled calls
--   reported_usd [US dollars]  sum of what writers reported
--   computed_usd [US dollars]  sum of what token counts and prices give, also for calls with a reported cost
--   difference_usd [US dollars]  reported less computed cost, of the calls where both are known
--   input_tokens
--   output_tokens
--   first_ts [UTC, microseconds]  the earliest call
--   last_ts [UTC, microseconds]  the latest call
SELECT
    user_id,
    COUNT(DISTINCT session_id) AS sessions,
    COUNT(DISTINCT request_id) AS requests,
    COUNT(*) AS calls,
    COUNT(cost_usd) AS priced_calls,
    COUNT(*) FILTER (WHERE cost_source = 'unpriced') AS unpriced_calls,
    SUM(cost_usd) AS cost_usd,
    SUM(CASE WHEN status <> 'ok' THEN cost_usd END) AS wasted_usd,
    SUM(reported_usd) AS reported_usd,
    SUM(computed_usd) AS computed_usd,
    SUM(difference_usd) AS difference_usd,
    CAST(SUM(input_tokens) AS BIGINT) AS input_tokens,
    CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
    MIN(ts) AS first_ts,
    MAX(ts) AS last_ts
FROM model_calls
GROUP BY user_id
