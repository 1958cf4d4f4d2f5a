-- Traces that began in a period and hold a span that fits, best first. With an ID, the traces that carry it, whenever.
WITH chosen AS (
    SELECT DISTINCT trace_id
    FROM spans
    WHERE
        trace_id IS NOT NULL
        AND (CAST($environment AS VARCHAR) IS NULL OR environment = $environment)
        AND (CAST($service AS VARCHAR) IS NULL OR service = $service)
        AND (CAST($agent AS VARCHAR) IS NULL OR agent = $agent)
        AND (CAST($variant AS VARCHAR) IS NULL OR variant = $variant)
        AND (CAST($model AS VARCHAR) IS NULL OR model = $model)
        AND (CAST($model_version AS VARCHAR) IS NULL OR model_version = $model_version)
        AND (CAST($tool AS VARCHAR) IS NULL OR tool = $tool)
        AND (
            CAST($id AS VARCHAR) IS NULL
            -- The ID may stand on a prediction or a log line of the trace alone.
            OR trace_id IN (
                SELECT trace_id
                FROM events
                WHERE
                    trace_id IS NOT NULL
                    AND $id IN (trace_id, span_id, request_id, session_id, run_id, event_id, response_id, user_id)
            )
        )
        AND (
            CAST($id AS VARCHAR) IS NOT NULL
            -- A trace that began in the period may go on after it, but not for days.
            OR date BETWEEN CAST(CAST($start AS TIMESTAMPTZ) AS DATE)
            AND CAST(CAST($end AS TIMESTAMPTZ) AS DATE) + 1
        )
)
SELECT
    t.trace_id,
    t.started_at,
    t.duration_ms,
    t.name,
    t.status,
    t.spans,
    t.failed_spans,
    t.cancelled_spans,
    t.llm_calls,
    t.tool_calls,
    t.input_tokens,
    t.output_tokens,
    t.cost_usd,
    t.unpriced_calls,
    t.request_id,
    t.session_id,
    t.user_id,
    t.agent,
    t.service,
    t.environment,
    t.variant,
    t.model_version,
    COUNT(*) OVER () AS found
FROM traces AS t
SEMI JOIN chosen AS c ON c.trace_id = t.trace_id
WHERE
    (CAST($id AS VARCHAR) IS NOT NULL OR (t.started_at >= $start AND t.started_at < $end))
    AND (
        CASE $status
            WHEN 'any' THEN true
            WHEN 'failed spans' THEN t.failed_spans > 0
            ELSE t.status = $status
        END
    )
ORDER BY
    CASE $sort
        WHEN 'slowest' THEN t.duration_ms
        WHEN 'costliest' THEN t.cost_usd
        WHEN 'failed' THEN t.failed_spans
        ELSE EPOCH(t.started_at)
    END DESC NULLS LAST,
    t.started_at DESC,
    t.trace_id
LIMIT CAST($most AS BIGINT)
