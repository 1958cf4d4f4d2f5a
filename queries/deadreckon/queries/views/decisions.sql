-- decisions: what agents decided, among which options, and why
-- Grain: one row per event of kind decision
-- Columns:
--   event_id
--   ts
--   date
--   name             the question
--   choice
--   options
--   reason
--   agent
--   model
--   model_version
--   environment
--   variant
--   service
--   request_id
--   session_id
--   user_id
--   run_id
--   trace_id
--   span_id          the step in which it was decided
--   attributes
SELECT
    event_id,
    ts,
    date,
    name,
    choice,
    options,
    reason,
    agent,
    model,
    model_version,
    environment,
    variant,
    service,
    request_id,
    session_id,
    user_id,
    run_id,
    trace_id,
    span_id,
    attributes
FROM events
WHERE kind = 'decision'
