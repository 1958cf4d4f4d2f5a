-- Where every alert stands, with the window in which it fired last. An alert that fired and was not resolved is still
-- active, also where its data went missing since: nobody knows that it ended.
WITH dated AS (
    SELECT
        *,
        COALESCE(labels, '{}') AS stream,
        COALESCE(window_end, ts) AS changed_at,
        MAX(CASE WHEN state = 'resolved' THEN COALESCE(window_end, ts) END) OVER (
            PARTITION BY rule, COALESCE(labels, '{}')
        ) AS resolved_at
    FROM alert_history
),
raised AS (
    SELECT
        rule,
        stream,
        MIN(changed_at) AS active_since,
        ARG_MAX(event_id, changed_at) AS fired_event_id,
        ARG_MAX(window_start, changed_at) FILTER (WHERE window_start IS NOT NULL) AS fired_from,
        MAX(changed_at) AS fired_until,
        ARG_MAX(value, changed_at) FILTER (WHERE value IS NOT NULL) AS fired_value,
        ARG_MAX(COALESCE(reason, ''), changed_at) AS fired_reason
    FROM dated
    WHERE state = 'firing' AND (resolved_at IS NULL OR changed_at > resolved_at)
    GROUP BY rule, stream
),
described AS (
    SELECT
        rule,
        stream,
        ARG_MAX(json_text(attributes, 'metric'), changed_at) AS metric,
        ARG_MAX(json_text(attributes, 'runbook'), changed_at) AS runbook
    FROM dated
    GROUP BY rule, stream
)
SELECT
    a.rule,
    a.labels,
    a.state,
    a.since,
    a.severity,
    a.value,
    a.threshold,
    a.window_start,
    a.window_end,
    a.reason,
    a.event_id,
    a.fired,
    d.metric,
    d.runbook,
    r.active_since,
    r.fired_event_id,
    r.fired_from,
    r.fired_until,
    r.fired_value,
    r.fired_reason
FROM alerts AS a
LEFT JOIN raised AS r ON r.rule = a.rule AND r.stream = COALESCE(a.labels, '{}')
LEFT JOIN described AS d ON d.rule = a.rule AND d.stream = COALESCE(a.labels, '{}')
ORDER BY a.rule, a.labels
