-- budgets_spent: what budgets and time-outs allowed and what was spent of them, and how those ended that were exhausted
-- Grain: one row per block or call that a budget guarded (event of kind contract, type budget, with what was spent)
-- Columns:
--   event_id
--   ts               when the block ended
--   date
--   name             the budget
--   passed           whether it held
--   action           cancelled or stopped where it did not
--   reason           what of it was exhausted
--   spent_tokens [tokens]  input and output tokens of the spans inside
--   limit_tokens [tokens]  NULL where tokens were not limited
--   spent_cost_usd [US dollars]  cost that the spans inside reported
--   limit_cost_usd [US dollars]  NULL where money was not limited
--   spent_calls      model and tool calls that were begun
--   limit_calls      NULL where calls were not limited
--   spent_seconds [seconds]  how long the block took
--   limit_seconds [seconds]  NULL where time was not limited
--   unpriced_calls   model calls that reported no cost, and so took nothing from the money
--   spent_share      of the limit that was used up most: 1 and more is exhausted; NULL where every limit is 0
--   error_type       of an error of the block's own
--   agent
--   environment
--   service
--   request_id
--   session_id
--   user_id
--   run_id
--   trace_id
--   span_id          the step around it
WITH stated AS (
    SELECT
        *,
        TRY_CAST(json_text(attributes, 'spent_tokens') AS DOUBLE) AS spent_tokens,
        TRY_CAST(json_text(attributes, 'limit_tokens') AS DOUBLE) AS limit_tokens,
        TRY_CAST(json_text(attributes, 'spent_cost_usd') AS DOUBLE) AS spent_cost_usd,
        TRY_CAST(json_text(attributes, 'limit_cost_usd') AS DOUBLE) AS limit_cost_usd,
        TRY_CAST(json_text(attributes, 'spent_calls') AS DOUBLE) AS spent_calls,
        TRY_CAST(json_text(attributes, 'limit_calls') AS DOUBLE) AS limit_calls,
        TRY_CAST(json_text(attributes, 'spent_seconds') AS DOUBLE) AS spent_seconds,
        TRY_CAST(json_text(attributes, 'limit_seconds') AS DOUBLE) AS limit_seconds,
        TRY_CAST(json_text(attributes, 'unpriced_calls') AS DOUBLE) AS unpriced
    FROM events
    WHERE kind = 'contract' AND label = 'budget'
),
shared AS (
    SELECT
        *,
        COALESCE(spent_tokens / NULLIF(limit_tokens, 0), 0) AS tokens_share,
        COALESCE(spent_cost_usd / NULLIF(limit_cost_usd, 0), 0) AS cost_share,
        COALESCE(spent_calls / NULLIF(limit_calls, 0), 0) AS calls_share,
        COALESCE(spent_seconds / NULLIF(limit_seconds, 0), 0) AS seconds_share,
        GREATEST(
            COALESCE(limit_tokens, 0),
            COALESCE(limit_cost_usd, 0),
            COALESCE(limit_calls, 0),
            COALESCE(limit_seconds, 0)
        ) AS highest_limit
    FROM stated
    WHERE spent_seconds IS NOT NULL
)
SELECT
    event_id,
    ts,
    date,
    name,
    passed,
    action,
    reason,
    CAST(spent_tokens AS BIGINT) AS spent_tokens,
    CAST(limit_tokens AS BIGINT) AS limit_tokens,
    spent_cost_usd,
    limit_cost_usd,
    CAST(spent_calls AS BIGINT) AS spent_calls,
    CAST(limit_calls AS BIGINT) AS limit_calls,
    spent_seconds,
    limit_seconds,
    CAST(unpriced AS BIGINT) AS unpriced_calls,
    CASE WHEN highest_limit > 0 THEN GREATEST(tokens_share, cost_share, calls_share, seconds_share) END AS spent_share,
    error_type,
    agent,
    environment,
    service,
    request_id,
    session_id,
    user_id,
    run_id,
    trace_id,
    span_id
FROM shared
