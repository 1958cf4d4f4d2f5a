-- Every alert that fired, and what became of it.
WITH followed AS (
    SELECT
        ts,
        rule,
        labels,
        state,
        severity,
        value,
        threshold,
        reason,
        LEAD(state) OVER (PARTITION BY rule, labels ORDER BY window_end) AS next_state,
        LEAD(ts) OVER (PARTITION BY rule, labels ORDER BY window_end) AS next_ts
    FROM alert_history
)
SELECT
    ts AS fired_at,
    rule,
    labels,
    severity,
    value,
    threshold,
    reason,
    next_state AS ended_as,
    next_ts AS ended_at
FROM followed
WHERE state = 'firing'
ORDER BY fired_at, rule, labels
