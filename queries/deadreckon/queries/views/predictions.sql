-- predictions: what a model answered from what: the observations on which drift is measured
-- Grain: one row per event of kind prediction
-- Columns:
--   event_id
--   ts
--   date
--   model
--   model_version
--   environment
--   variant
--   service
--   features
--   outputs
--   name
--   duration_ms      NULL where what was written is none: below zero, not finite, or above 30 years
--   status           ok, error, cancelled or timeout; where the line says nothing, error if it has an error_type, else ok
--   request_id
--   session_id
--   user_id
--   run_id           the run that it names: usually the one that trained the model
--   trace_id
--   span_id          the span in which it was made
--   attributes
SELECT
    event_id,
    ts,
    date,
    model,
    model_version,
    environment,
    variant,
    service,
    features,
    outputs,
    name,
    sane_ms(duration_ms) AS duration_ms,
    status_of(status, error_type) AS status,
    request_id,
    session_id,
    user_id,
    run_id,
    trace_id,
    span_id,
    attributes
FROM events
WHERE kind = 'prediction'
