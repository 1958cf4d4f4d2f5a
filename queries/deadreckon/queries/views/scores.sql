-- scores: judgements by people, models and code, with the model version that they are about. Of one that was imported
-- from another tool, and edited or withdrawn there, the newest state alone
-- Grain: one row per event of kind score; one per attributes.imported_as where there is that
-- Columns:
--   event_id
--   ts
--   date
--   name             the quality judged
--   value
--   label
--   source
--   reason
--   target           what is judged: request, trace, span, run or session; NULL where it names none of them
--   model            as the score says, else the model that answered the request
--   model_version    as the score says, else the version that answered the request
--   variant          as the score says, else that of the request
--   environment
--   request_id
--   session_id
--   user_id
--   run_id
--   trace_id
--   span_id
--   attributes
WITH states AS (
    SELECT
        event_id,
        ROW_NUMBER() OVER (
            PARTITION BY json_text(attributes, 'imported_as') ORDER BY ts DESC, ingested_at DESC, event_id DESC
        ) AS turn
    FROM events
    WHERE (kind = 'score' OR event = 'score.withdrawn') AND json_text(attributes, 'imported_as') IS NOT NULL
)
SELECT
    e.event_id,
    e.ts,
    e.date,
    e.name,
    e.value,
    e.label,
    e.source,
    e.reason,
    CASE
        WHEN e.request_id IS NOT NULL THEN 'request'
        WHEN e.span_id IS NOT NULL THEN 'span'
        WHEN e.trace_id IS NOT NULL THEN 'trace'
        WHEN e.run_id IS NOT NULL THEN 'run'
        WHEN e.session_id IS NOT NULL THEN 'session'
    END AS target,
    CASE WHEN e.model_version IS NULL THEN COALESCE(r.model, e.model) ELSE e.model END AS model,
    COALESCE(e.model_version, r.model_version) AS model_version,
    COALESCE(e.variant, r.variant) AS variant,
    e.environment,
    e.request_id,
    e.session_id,
    e.user_id,
    e.run_id,
    e.trace_id,
    e.span_id,
    e.attributes
FROM events AS e
LEFT JOIN requests AS r ON r.request_id = e.request_id
LEFT JOIN states AS s ON s.event_id = e.event_id AND s.turn > 1
WHERE e.kind = 'score' AND s.event_id IS NULL
