-- contracts: pre- and postconditions, policies and budgets: whether each held, and what was done where it did not
-- Grain: one row per check (event of kind contract)
-- Columns:
--   event_id
--   ts
--   date
--   name             the promise
--   type             pre, post, policy or budget
--   passed
--   action
--   reason
--   value
--   agent
--   tool
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
--   span_id          the step that it guards
--   attributes
SELECT
    event_id,
    ts,
    date,
    name,
    label AS type,
    passed,
    action,
    reason,
    value,
    agent,
    tool,
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
WHERE kind = 'contract'
