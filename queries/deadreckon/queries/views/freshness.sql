-- freshness: how old the newest event of everything that writes is, and how long events take to arrive: silence is
-- not health
-- Grain: one row per environment, service and kind
-- Columns:
--   environment
--   service
--   kind
--   events [count]   events so far
--   first_ts [UTC, microseconds]  the earliest event
--   last_ts [UTC, microseconds]  the newest event
--   last_ingested_at [UTC, microseconds]  when one was ingested last
--   age_s [seconds]  from last_ts to the moment of asking
--   delay_p50_s [seconds]  half of the events were ingested within this time of happening
--   delay_p95_s [seconds]  95 % of the events were ingested within this time of happening
SELECT
    environment,
    service,
    kind,
    COUNT(*) AS events,
    MIN(ts) AS first_ts,
    MAX(ts) AS last_ts,
    MAX(ingested_at) AS last_ingested_at,
    ms_between(MAX(ts), CURRENT_TIMESTAMP) / 1000.0 AS age_s,
    exact_quantile(ms_between(ts, ingested_at), 0.5) / 1000.0 AS delay_p50_s,
    exact_quantile(ms_between(ts, ingested_at), 0.95) / 1000.0 AS delay_p95_s
FROM events
GROUP BY environment, service, kind
