-- What the lake holds and how new it is. The monitor's own events say nothing about whether the logs still arrive, and
-- an event stamped more than an hour after it was ingested has a wrong clock, which must not make old data look new.
SELECT
    COUNT(*) AS events,
    COUNT(*) FILTER (WHERE kind IS DISTINCT FROM 'alert') AS logged,
    MIN(ts) FILTER (WHERE kind IS DISTINCT FROM 'alert') AS oldest,
    MAX(ts) FILTER (
        WHERE kind IS DISTINCT FROM 'alert' AND (ingested_at IS NULL OR ts <= ingested_at + INTERVAL 1 HOUR)
    ) AS newest,
    COUNT(*) FILTER (
        WHERE kind IS DISTINCT FROM 'alert' AND ts > ingested_at + INTERVAL 1 HOUR
    ) AS ahead,
    (SELECT COUNT(*) FROM quarantine WHERE state = 'open') AS quarantined
FROM events
