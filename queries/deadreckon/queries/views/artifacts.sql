-- artifacts: files and objects that runs and agents made: where they are, and the hash that proves it
-- Grain: one row per event of kind artifact
-- Columns:
--   event_id
--   ts
--   date
--   name             what it is
--   uri
--   content_hash
--   size_bytes
--   run_id           the run that made it
--   model
--   model_version
--   environment
--   request_id
--   trace_id
--   span_id
--   attributes
SELECT
    event_id,
    ts,
    date,
    name,
    uri,
    content_hash,
    size_bytes,
    run_id,
    model,
    model_version,
    environment,
    request_id,
    trace_id,
    span_id,
    attributes
FROM events
WHERE kind = 'artifact'
