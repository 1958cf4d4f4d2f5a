-- quarantine: input lines that were refused, with the reason and the line itself; nothing is ever dropped silently
-- Grain: one row per quarantined line
-- Columns:
--   quarantine_id    names the line in `reckon quarantine show|replay|drop`
--   state            open, or what became of it: replayed, dropped or repaired (damage that is gone)
--   error_code
--   error_field
--   error
--   raw
--   raw_encoding
--   raw_bytes
--   raw_sha256
--   source_id
--   source_path
--   source_offset
--   ingested_at      when it was quarantined
--   resolved_at [UTC, microseconds]  when it was replayed, dropped or repaired; NULL while open
WITH refused AS (
    SELECT * FROM lake_ledger WHERE record = 'quarantine'
),
resolved AS (
    SELECT quarantine_id, ARG_MAX(resolution, ingested_at) FILTER (WHERE resolution IS NOT NULL) AS resolution, MAX(ingested_at) AS resolved_at
    FROM lake_ledger
    WHERE record = 'resolution'
    GROUP BY quarantine_id
)
SELECT
    q.quarantine_id,
    COALESCE(r.resolution, 'open') AS state,
    q.error_code,
    q.error_field,
    q.error,
    q.raw,
    q.raw_encoding,
    q.raw_bytes,
    q.raw_sha256,
    q.source_id,
    q.source_path,
    q.source_offset,
    q.ingested_at,
    r.resolved_at
FROM refused AS q
LEFT JOIN resolved AS r ON r.quarantine_id = q.quarantine_id
