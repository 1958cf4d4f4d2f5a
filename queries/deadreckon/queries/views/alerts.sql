-- alerts: where every rule stands now: what is firing, since when, and by how much
-- Grain: one row per rule and labels
-- Columns:
--   rule             the rule's name
--   labels           what the rule grouped by: JSON of names and values
--   state            now: ok, pending, firing, resolved or no_data
--   since [UTC, microseconds]  when it came into this state
--   severity         as the rule says
--   value            the figure judged at the last change
--   threshold        what it was judged against
--   window_start [UTC]  the beginning of the window judged at the last change
--   window_end [UTC]  the end of the window judged at the last change
--   previous         the state before
--   changes [count]  changes of state so far
--   fired [count]    times it came to firing
--   last_fired_at [UTC, microseconds]  when it came to firing last
--   reason
--   event_id         of the last change
WITH ranked AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY rule, COALESCE(labels, '{}')
            ORDER BY COALESCE(window_end, ts) DESC, ts DESC, event_id DESC
        ) AS newest,
        COUNT(*) OVER (PARTITION BY rule, COALESCE(labels, '{}')) AS changes,
        SUM(CASE WHEN state = 'firing' THEN 1 ELSE 0 END) OVER (PARTITION BY rule, COALESCE(labels, '{}')) AS fired,
        MAX(CASE WHEN state = 'firing' THEN ts END) OVER (PARTITION BY rule, COALESCE(labels, '{}')) AS last_fired_at
    FROM alert_history
)
SELECT
    rule,
    labels,
    state,
    ts AS since,
    severity,
    value,
    threshold,
    window_start,
    window_end,
    previous,
    changes,
    CAST(fired AS BIGINT) AS fired,
    last_fired_at,
    reason,
    event_id
FROM ranked
WHERE newest = 1
