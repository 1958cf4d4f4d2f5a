-- Every model version that was called, and where: what the filters of the overview offer, oldest first.
SELECT
    COALESCE(NULLIF(CONCAT_WS(' ', model, model_version), ''), '(no model)') AS label,
    environment,
    MIN(ts) AS first_ts,
    COUNT(*) AS calls
FROM model_calls
GROUP BY label, environment
ORDER BY first_ts, label
