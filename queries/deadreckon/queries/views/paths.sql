-- paths: where time and money go: the spans of all traces put together by their path of names from the root down. Those
-- with leaves are paths from root to leaf; ORDER BY self_ms for the slowest, cost_usd for the costliest, critical_ms for
-- those that users wait for
-- Grain: one row per environment and path
-- Columns:
--   environment
--   path             the names from a root down to these spans, with ' > ' between them
--   name             the last of them
--   depth [levels]   0 for roots
--   spans [count]    spans with this path
--   leaves [count]   those of them with no span in them
--   traces [count]   different traces
--   failed [count]   spans whose status is error or timeout
--   retries [count]  spans whose attempt is above 1
--   total_ms [milliseconds]  of their durations
--   self_ms [milliseconds]  the part in which no child ran
--   critical_ms [milliseconds]  the part in which their traces waited for them and for none of their children
--   p50_ms [milliseconds]  half of them took at most this
--   p95_ms [milliseconds]  95 % of them took at most this
--   max_ms [milliseconds]  the longest
--   llm_calls [count]  those that are calls of language models
--   input_tokens     of those that are model calls
--   output_tokens    of those that are model calls
--   cost_usd [US dollars]  of those that are model calls and have a cost; NULL where none has
--   unpriced_calls [count]  model calls whose cost should be known and is not: cost_usd leaves them out
--   first_ts [UTC, microseconds]  the earliest
--   last_ts [UTC, microseconds]  the latest
SELECT
    t.environment,
    t.path,
    MAX(t.name) AS name,
    MAX(t.depth) AS depth,
    COUNT(*) AS spans,
    COUNT(*) FILTER (WHERE t.children = 0) AS leaves,
    COUNT(DISTINCT t.trace_id) AS traces,
    COUNT(*) FILTER (WHERE t.failed) AS failed,
    COUNT(*) FILTER (WHERE t.attempt > 1) AS retries,
    SUM(t.duration_ms) AS total_ms,
    SUM(t.self_ms) AS self_ms,
    SUM(t.critical_self_ms) AS critical_ms,
    exact_quantile(t.duration_ms, 0.5) AS p50_ms,
    exact_quantile(t.duration_ms, 0.95) AS p95_ms,
    MAX(t.duration_ms) AS max_ms,
    COUNT(*) FILTER (WHERE c.is_llm) AS llm_calls,
    CAST(SUM(c.input_tokens) AS BIGINT) AS input_tokens,
    CAST(SUM(c.output_tokens) AS BIGINT) AS output_tokens,
    SUM(c.cost_usd) AS cost_usd,
    COUNT(*) FILTER (WHERE c.cost_source = 'unpriced') AS unpriced_calls,
    MIN(t.ts) AS first_ts,
    MAX(t.ts) AS last_ts
FROM span_tree AS t
LEFT JOIN model_calls AS c ON c.event_id = t.event_id
GROUP BY t.environment, t.path
