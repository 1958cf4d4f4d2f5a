-- deadletters: steps that failed for good, and what became of them; their inputs are where `reckon deadletter` reads them
-- Grain: one row per dead letter
-- Columns:
--   deadletter_id    as `reckon deadletter` calls it
--   ts               when the step failed
--   date             the day of ts, in UTC
--   name             the step
--   state            open, replayed, dropped, or lost: it could not be kept
--   attempts         the first one and replays
--   entry            module:function that a replay calls
--   error_type       of the newest attempt that failed
--   error_message
--   reason           why inputs must be given again for a replay, or why it was lost
--   changed_ts [UTC, microseconds]  when the newest thing happened to it
--   agent
--   environment
--   service
--   request_id
--   session_id
--   user_id
--   run_id
--   trace_id         where the step failed
--   span_id
WITH told AS (
    SELECT
        *,
        json_text(attributes, 'deadletter_id') AS deadletter_id,
        json_text(attributes, 'entry') AS entry,
        TRY_CAST(json_text(attributes, 'attempts') AS BIGINT) AS attempts
    FROM events
    WHERE kind = 'decision'
),
ordered AS (
    SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY deadletter_id ORDER BY ts DESC, event_id DESC) AS newest
    FROM told
    WHERE deadletter_id IS NOT NULL
),
begun AS (
    SELECT * FROM ordered WHERE choice IN ('stored', 'lost')
),
came AS (
    SELECT * FROM ordered WHERE newest = 1
)
SELECT
    came.deadletter_id,
    COALESCE(begun.ts, came.ts) AS ts,
    COALESCE(begun.date, came.date) AS date,
    came.name,
    CASE WHEN came.choice IN ('stored', 'failed') THEN 'open' ELSE came.choice END AS state,
    came.attempts,
    came.entry,
    came.error_type,
    came.error_message,
    begun.reason,
    came.ts AS changed_ts,
    begun.agent,
    begun.environment,
    begun.service,
    begun.request_id,
    begun.session_id,
    begun.user_id,
    begun.run_id,
    begun.trace_id,
    begun.span_id
FROM came
LEFT JOIN begun ON begun.deadletter_id = came.deadletter_id
