-- feedback: what users did with answers (clicks, thumbs, edits), with the model version that gave the answer; join
-- provenance on request_id to follow a click to the data that the model was trained on
-- Grain: one row per event of kind feedback
-- Columns:
--   event_id
--   ts
--   date
--   name             click, thumb, edit, ...
--   value
--   label
--   reason
--   request_id
--   request_found    whether the lake holds the request
--   model            that answered: as the request says, else the feedback
--   model_version    that answered: as the request says, else the feedback
--   variant          of the request
--   trace_id         of the request
--   session_id
--   user_id
--   after_ms [milliseconds]  from the beginning of the request to the feedback
--   environment
--   attributes
SELECT
    e.event_id,
    e.ts,
    e.date,
    e.name,
    e.value,
    e.label,
    e.reason,
    e.request_id,
    r.request_id IS NOT NULL AS request_found,
    CASE WHEN r.model_version IS NULL THEN COALESCE(e.model, r.model) ELSE r.model END AS model,
    COALESCE(r.model_version, e.model_version) AS model_version,
    COALESCE(r.variant, e.variant) AS variant,
    COALESCE(r.trace_id, e.trace_id) AS trace_id,
    COALESCE(e.session_id, r.session_id) AS session_id,
    COALESCE(e.user_id, r.user_id) AS user_id,
    ms_between(r.started_at, e.ts) AS after_ms,
    e.environment,
    e.attributes
FROM events AS e
LEFT JOIN requests AS r ON r.request_id = e.request_id
WHERE e.kind = 'feedback'
