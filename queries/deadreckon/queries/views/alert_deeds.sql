-- alert_deeds: what people did about alerts: who silenced or took them, when and why
-- Grain: one row per silence, its early end, or alert taken or let go (event of kind alert)
-- Columns:
--   event_id
--   ts               when it was done
--   deed             silenced, unsilenced, acknowledged or unacknowledged
--   done_by          who did it, as they named themselves
--   comment          why, where they said so
--   rule             acknowledged, unacknowledged: the alert's rule
--   labels           the same: what the rule grouped by, JSON of names and values
--   alert_since [UTC]  the same: since when the alert is open; a later one of the same rule is another
--   silence          silenced, unsilenced: the id of the silence
--   matchers         silenced: what it holds for, JSON of matchers, all of which must hold
--   starts_at [UTC]  silenced: from when
--   ends_at [UTC]    silenced: until when, unless it is ended before
SELECT
    event_id,
    ts,
    label AS deed,
    json_text(attributes, 'by') AS done_by,
    NULLIF(json_text(attributes, 'comment'), '') AS comment,
    json_text(attributes, 'rule') AS rule,
    json_text(attributes, 'group') AS labels,
    TRY_CAST(json_text(attributes, 'alert_since') AS TIMESTAMPTZ) AS alert_since,
    json_text(attributes, 'silence') AS silence,
    json_text(attributes, 'matchers') AS matchers,
    TRY_CAST(json_text(attributes, 'starts_at') AS TIMESTAMPTZ) AS starts_at,
    TRY_CAST(json_text(attributes, 'ends_at') AS TIMESTAMPTZ) AS ends_at
FROM events
WHERE kind = 'alert' AND json_text(attributes, 'deed') IS NOT NULL
