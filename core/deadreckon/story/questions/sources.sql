-- What was read from the sample logs.
SELECT
    COUNT(*) AS files,
    SUM(lines) AS lines,
    SUM(committed) AS events,
    SUM(duplicates) AS duplicates,
    SUM(quarantined) AS quarantined
FROM sources
WHERE source_path LIKE '%/logs/tern-%'
