-- critical_path: the spans for which traces waited, and how long: shortening one of them shortens its trace, others do
-- not; see span_tree for how it is found
-- Grain: one row per span on the critical path of its trace
-- Columns:
--   trace_id
--   event_id
--   span_id
--   ts               when the span began
--   depth [levels]   0 for a root
--   name
--   path             the names from the root down to it
--   operation
--   tool
--   model
--   model_version
--   agent            its own, else that of the nearest span above which has one
--   status
--   duration_ms
--   self_ms [milliseconds]  the part of duration_ms in which no child ran
--   critical_ms [milliseconds]  the part in which its trace waited for it or for what is in it
--   critical_self_ms [milliseconds]  the part in which its trace waited for it alone
--   critical_share [0 to 1]  critical_self_ms per that of all spans of the trace
--   environment
--   service
--   date
SELECT
    trace_id,
    event_id,
    span_id,
    ts,
    depth,
    name,
    path,
    operation,
    tool,
    model,
    model_version,
    agent,
    status,
    duration_ms,
    self_ms,
    critical_ms,
    critical_self_ms,
    critical_self_ms / NULLIF(SUM(critical_self_ms) OVER (PARTITION BY trace_id), 0) AS critical_share,
    environment,
    service,
    date
FROM span_tree
WHERE critical_ms > 0 AND trace_id IS NOT NULL
