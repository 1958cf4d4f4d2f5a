-- agents: what each agent did, over all sessions: agent_sessions added up
-- Grain: one row per environment and agent; what is of no agent is in the row where it is NULL
-- Columns:
--   environment
--   agent
--   sessions [count]  different sessions
--   turns [count]    its outermost spans: those in no other span of the same agent
--   spans [count]    spans of it, finished or not
--   llm_calls [count]  calls of language models
--   model_calls [count]  calls of any model; see view model_calls
--   tool_calls [count]  spans of tools
--   failed_spans [count]  spans whose status is error or timeout
--   failed_turns [count]  outermost spans whose status is error or timeout
--   error_rate [0 to 1]  failed_turns per turn; NULL without turns
--   retries [count]  spans whose attempt is above 1
--   duration_ms      of its outermost spans, added up
--   mean_turn_ms [milliseconds]  duration_ms per turn
--   input_tokens     of its model calls
--   output_tokens    of its model calls
--   cost_usd [US dollars]  of its model calls that have a cost; NULL where none has
--   unpriced_calls [count]  model calls whose cost should be known and is not: cost_usd leaves them out
--   first_ts [UTC, microseconds]  the earliest of its spans and calls
--   last_ts [UTC, microseconds]  the latest of its spans and calls
SELECT
    environment,
    agent,
    COUNT(session_id) AS sessions,
    CAST(SUM(turns) AS BIGINT) AS turns,
    CAST(SUM(spans) AS BIGINT) AS spans,
    CAST(SUM(llm_calls) AS BIGINT) AS llm_calls,
    CAST(SUM(model_calls) AS BIGINT) AS model_calls,
    CAST(SUM(tool_calls) AS BIGINT) AS tool_calls,
    CAST(SUM(failed_spans) AS BIGINT) AS failed_spans,
    CAST(SUM(failed_turns) AS BIGINT) AS failed_turns,
    CAST(SUM(failed_turns) AS DOUBLE) / NULLIF(CAST(SUM(turns) AS DOUBLE), 0) AS error_rate,
    CAST(SUM(retries) AS BIGINT) AS retries,
    SUM(duration_ms) AS duration_ms,
    SUM(duration_ms) / NULLIF(CAST(SUM(turns) AS DOUBLE), 0) AS mean_turn_ms,
    CAST(SUM(input_tokens) AS BIGINT) AS input_tokens,
    CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
    SUM(cost_usd) AS cost_usd,
    CAST(SUM(unpriced_calls) AS BIGINT) AS unpriced_calls,
    MIN(first_ts) AS first_ts,
    MAX(last_ts) AS last_ts
FROM agent_sessions
GROUP BY environment, agent
