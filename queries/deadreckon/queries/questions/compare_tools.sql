-- Tools as two versions call them: the version of a call is its span's, else that of the model calls of its trace.
SELECT
    tool, model_version, CAST(sum(calls) AS BIGINT) AS calls, CAST(sum(calls - cancelled) AS BIGINT) AS answered,
    CAST(sum(failed) AS BIGINT) AS failed, CAST(sum(retries) AS BIGINT) AS retries
FROM tool_summary
WHERE
    model_version IN ($a, $b)
    AND ($environment IS NULL OR environment = $environment)
    AND ($since IS NULL OR date >= CAST($since AS DATE))
GROUP BY tool, model_version
ORDER BY sum(calls) DESC, 1, 2
