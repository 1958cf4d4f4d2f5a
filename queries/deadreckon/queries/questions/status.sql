-- What `reckon status` says beside what the log of the table tells.
SELECT
    (SELECT max(ts) FROM events WHERE kind IS DISTINCT FROM 'alert') AS last_event,
    (SELECT count(*) FROM sources) AS sources,
    (SELECT count(*) FROM quarantine WHERE state = 'open') AS quarantined,
    (SELECT count(*) FROM alerts WHERE state = 'firing') AS firing
