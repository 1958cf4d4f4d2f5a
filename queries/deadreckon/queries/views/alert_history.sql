-- alert_history: every change of state that the monitor wrote
-- Grain: one row per rule, labels, window and state (event of kind alert; not what people did about alerts)
-- Columns:
--   event_id
--   ts               when the state changed
--   rule             the rule's name
--   state            pending, firing, resolved, no_data or ok
--   previous         the state before
--   severity         as the rule says
--   labels           what the rule grouped by: JSON of names and values
--   value            the figure that was judged
--   threshold        what it was judged against
--   window_start [UTC]  the beginning of the window judged
--   window_end [UTC]  the end of the window judged
--   level
--   reason
--   attributes
SELECT
    event_id,
    ts,
    COALESCE(name, json_text(attributes, 'rule')) AS rule,
    label AS state,
    json_text(attributes, 'previous') AS previous,
    json_text(attributes, 'severity') AS severity,
    labels,
    value,
    TRY_CAST(json_text(attributes, 'threshold') AS DOUBLE) AS threshold,
    TRY_CAST(json_text(attributes, 'window_start') AS TIMESTAMPTZ) AS window_start,
    TRY_CAST(json_text(attributes, 'window_end') AS TIMESTAMPTZ) AS window_end,
    level,
    reason,
    attributes
FROM events
WHERE kind = 'alert' AND json_text(attributes, 'deed') IS NULL
