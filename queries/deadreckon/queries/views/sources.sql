-- sources: the inputs that were read: how far, what came of their lines, and when last
-- Grain: one row per source_id
-- Columns:
--   source_id
--   source_path      the path at which it was read last
--   end_offset [bytes]  first byte not yet consumed
--   lines [count]    lines read
--   committed [count]  events committed
--   duplicates [count]  events dropped because their event_id was known
--   quarantined [count]  lines quarantined
--   commits [count]  commits in which it took part
--   first_ingested_at [UTC, microseconds]  when it was read first
--   last_ingested_at [UTC, microseconds]  when it was read last
SELECT
    source_id,
    ARG_MAX(source_path, ingested_at) FILTER (WHERE source_path IS NOT NULL) AS source_path,
    MAX(end_offset) AS end_offset,
    CAST(COALESCE(SUM(lines), 0) AS BIGINT) AS lines,
    CAST(COALESCE(SUM(committed), 0) AS BIGINT) AS committed,
    CAST(COALESCE(SUM(duplicates), 0) AS BIGINT) AS duplicates,
    CAST(COALESCE(SUM(quarantined), 0) AS BIGINT) AS quarantined,
    COUNT(*) AS commits,
    MIN(ingested_at) AS first_ingested_at,
    MAX(ingested_at) AS last_ingested_at
FROM lake_ledger
WHERE record = 'source'
GROUP BY source_id
