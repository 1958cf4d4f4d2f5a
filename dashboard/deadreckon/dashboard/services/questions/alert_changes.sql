-- Changes of state, newest first, with what became of each; or the one that is asked for.
WITH followed AS (
    SELECT
        event_id,
        ts,
        rule,
        labels,
        state,
        previous,
        severity,
        value,
        threshold,
        window_start,
        window_end,
        reason,
        json_text(attributes, 'metric') AS metric,
        json_text(attributes, 'runbook') AS runbook,
        json_text(attributes, 'facts') AS facts,
        LEAD(state) OVER (PARTITION BY rule, COALESCE(labels, '{}') ORDER BY COALESCE(window_end, ts), ts, event_id)
            AS next_state,
        LEAD(COALESCE(window_end, ts)) OVER (
            PARTITION BY rule, COALESCE(labels, '{}') ORDER BY COALESCE(window_end, ts), ts, event_id
        ) AS until
    FROM alert_history
)
SELECT *
FROM followed
WHERE CAST($event AS VARCHAR) IS NULL OR event_id = $event
ORDER BY COALESCE(window_end, ts) DESC, ts DESC, event_id
LIMIT 5000
