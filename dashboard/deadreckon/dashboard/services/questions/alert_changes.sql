-- Every change of state, newest first, with what became of it.
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
    LEAD(state) OVER (PARTITION BY rule, COALESCE(labels, '{}') ORDER BY COALESCE(window_end, ts), ts, event_id)
        AS next_state,
    LEAD(COALESCE(window_end, ts)) OVER (
        PARTITION BY rule, COALESCE(labels, '{}') ORDER BY COALESCE(window_end, ts), ts, event_id
    ) AS until
FROM alert_history
ORDER BY COALESCE(window_end, ts) DESC, ts DESC, event_id
