-- model_calls: every answer asked of a model, language model or not, counted once and priced. A call is a span whose
-- operation is a model's (chat, embeddings, predict, ...), or a prediction or log line of such an operation that no
-- such span holds already: it is not inside one, and where it states no duration, tokens or cost of its own, none of
-- the same model version is in its trace. Where it or the span has no trace_id, the request tells: such a line is the
-- call of a span of its request_id and model if no version, response_id, attempt or token count that both state
-- differs, if neither or both failed and, where the line states a duration, tokens or cost, if their times touch
-- within a second. Of the two the span is the row, unless only the line states tokens or cost. A span around
-- another one of the same operation (a framework's around its client's, a retrying one around its attempts) gives way
-- to the one inside, unless only it states what was used. Of spans with one response_id of which one lies in the
-- other's time, by which two libraries (OpenTelemetry's scopes) of a service tell of one answer, the row is one that
-- states what was used, of these the shortest.
-- Spans of agents and workflows are never calls: they may repeat the totals of the calls in them
-- Grain: one row per model call
-- Columns:
--   event_id
--   ts               when it began
--   date
--   operation        chat, embeddings, predict, ...; a prediction that names none is predict
--   name             the span's name; where it has none its event
--   is_llm           whether it is a language model's: by its operation, or because it counts tokens
--   model
--   model_version
--   provider
--   environment
--   variant
--   service
--   agent
--   status           ok, error, cancelled or timeout; where the line says nothing, error if it has an error_type, else ok
--   failed           whether its status is error or timeout
--   error_type
--   error_message
--   attempt
--   idempotency_key
--   finish_reason
--   stream
--   duration_ms      NULL where what was written is none: below zero, not finite, or above 30 years
--   ttft_ms
--   input_tokens [tokens]  tokens in, cached ones included; NULL, as of all tokens here, where it is below zero
--   output_tokens
--   cache_read_tokens
--   cache_write_tokens
--   reasoning_tokens
--   total_tokens [tokens]  input and output; their parts (cached, reasoning) are inside them and not added again
--   cost_usd [US dollars]  as reported, else as computed; NULL, never 0, where neither is known
--   cost_source      reported, computed, unpriced (no reported cost, and no price or no token count), or none: a
--                    prediction of a model that is not a language model and reports no cost
--   reported_usd [US dollars]  as the writer reported it
--   computed_usd [US dollars]  from token counts and the price in force at ts; also beside a reported cost
--   difference_usd [US dollars]  reported_usd less computed_usd; NULL where either is unknown
--   price_source     where the price used for computed_usd comes from
--   request_id
--   session_id
--   user_id
--   run_id
--   trace_id
--   span_id
--   parent_span_id
--   response_id
--   ingested_at
WITH other_lines AS (
    SELECT
        *,
        CASE
            WHEN duration_ms IS NULL AND input_tokens IS NULL AND output_tokens IS NULL AND cost_usd IS NULL THEN model
        END AS bare_of,
        COALESCE(input_tokens, output_tokens, cost_usd) AS used
    FROM events
    WHERE
        COALESCE(status, '') <> 'running'
        AND (kind = 'prediction' OR (kind = 'log' AND asks_model(operation)))
),
-- Each of these looks at events by itself: a shared part would be made for all days before any day is asked for.
calls AS (
    SELECT w.*, w.operation AS called
    FROM events AS w
    LEFT JOIN (
        SELECT trace_id, parent_span_id, operation, COALESCE(input_tokens, output_tokens, cost_usd) AS used
        FROM events
        WHERE
            kind = 'span' AND COALESCE(status, '') <> 'running' AND parent_span_id IS NOT NULL AND asks_model(operation)
    ) AS inside
        ON
            inside.trace_id = w.trace_id AND inside.parent_span_id = w.span_id AND inside.operation = w.operation
            AND (inside.used IS NOT NULL OR COALESCE(w.input_tokens, w.output_tokens, w.cost_usd) IS NULL)
    LEFT JOIN (
        SELECT
            event_id, request_id, trace_id, model, model_version, response_id, attempt, ts,
            COALESCE(sane_ms(duration_ms), 0) AS took,
            status_of(status, error_type) IN ('error', 'timeout') AS failed
        FROM events
        WHERE
            (kind = 'prediction' OR (kind = 'log' AND asks_model(operation)))
            AND request_id IS NOT NULL AND COALESCE(status, '') <> 'running'
            AND (input_tokens IS NOT NULL OR output_tokens IS NOT NULL OR cost_usd IS NOT NULL)
    ) AS told
        ON
            told.request_id = w.request_id AND told.model = w.model AND (told.trace_id IS NULL OR w.trace_id IS NULL)
            AND COALESCE(told.model_version, w.model_version, '') = COALESCE(w.model_version, told.model_version, '')
            AND COALESCE(told.response_id, w.response_id, '') = COALESCE(w.response_id, told.response_id, '')
            AND COALESCE(told.attempt, w.attempt, 1) = COALESCE(w.attempt, told.attempt, 1)
            AND told.failed = (status_of(w.status, w.error_type) IN ('error', 'timeout'))
            AND COALESCE(w.input_tokens, w.output_tokens, w.cost_usd) IS NULL
            AND ms_between(w.ts, told.ts) >= -1000 - told.took
            AND ms_between(w.ts, told.ts) <= 1000 + told.took + COALESCE(sane_ms(w.duration_ms), 0)
    LEFT JOIN (
        SELECT
            event_id, response_id, trace_id, span_id, service, ts, COALESCE(sane_ms(duration_ms), 0) AS took,
            COALESCE(input_tokens, output_tokens, cost_usd) AS used,
            json_text(json_text(json_text(attributes, 'otel'), 'scope'), 'name') AS library
        FROM events
        WHERE
            kind = 'span' AND COALESCE(status, '') <> 'running' AND response_id IS NOT NULL AND asks_model(operation)
    ) AS twin
        ON
            twin.response_id = w.response_id AND COALESCE(twin.service, '') = COALESCE(w.service, '')
            AND twin.library <> json_text(json_text(json_text(w.attributes, 'otel'), 'scope'), 'name')
            AND ABS(ms_between(w.ts, twin.ts) + (twin.took - COALESCE(sane_ms(w.duration_ms), 0)) / 2)
            <= ABS(twin.took - COALESCE(sane_ms(w.duration_ms), 0)) / 2 + 5
            AND (
                (twin.used IS NOT NULL AND COALESCE(w.input_tokens, w.output_tokens, w.cost_usd) IS NULL)
                OR (
                    (twin.used IS NULL) = (COALESCE(w.input_tokens, w.output_tokens, w.cost_usd) IS NULL)
                    AND COALESCE(twin.trace_id = w.trace_id AND twin.span_id = w.parent_span_id, false) = false
                    AND (
                        twin.took < COALESCE(sane_ms(w.duration_ms), 0)
                        OR (twin.took = COALESCE(sane_ms(w.duration_ms), 0) AND twin.event_id < w.event_id)
                    )
                )
            )
    WHERE
        inside.trace_id IS NULL AND told.event_id IS NULL AND twin.event_id IS NULL
        AND w.kind = 'span' AND COALESCE(w.status, '') <> 'running' AND asks_model(w.operation)
    UNION ALL
    SELECT o.* EXCLUDE (bare_of, used), COALESCE(o.operation, 'predict') AS called
    FROM other_lines AS o
    LEFT JOIN (
        SELECT trace_id, span_id, model, COALESCE(model_version, '') AS model_version
        FROM events
        WHERE
            kind = 'span' AND COALESCE(status, '') <> 'running' AND asks_model(operation)
    ) AS s
        ON
            s.trace_id = o.trace_id
            AND (s.span_id = o.span_id OR (s.model = o.bare_of AND s.model_version = COALESCE(o.model_version, '')))
    LEFT JOIN (
        SELECT
            event_id, request_id, trace_id, model, model_version, response_id, attempt, input_tokens, output_tokens, ts,
            COALESCE(sane_ms(duration_ms), 0) AS took,
            status_of(status, error_type) IN ('error', 'timeout') AS failed,
            COALESCE(input_tokens, output_tokens, cost_usd) AS used
        FROM events
        WHERE
            kind = 'span' AND COALESCE(status, '') <> 'running' AND request_id IS NOT NULL AND asks_model(operation)
    ) AS r
        ON
            r.request_id = o.request_id AND r.model = o.model AND (r.trace_id IS NULL OR o.trace_id IS NULL)
            AND COALESCE(r.model_version, o.model_version, '') = COALESCE(o.model_version, r.model_version, '')
            AND COALESCE(r.response_id, o.response_id, '') = COALESCE(o.response_id, r.response_id, '')
            AND COALESCE(r.attempt, o.attempt, 1) = COALESCE(o.attempt, r.attempt, 1)
            AND COALESCE(r.input_tokens, o.input_tokens, 0) = COALESCE(o.input_tokens, r.input_tokens, 0)
            AND COALESCE(r.output_tokens, o.output_tokens, 0) = COALESCE(o.output_tokens, r.output_tokens, 0)
            AND r.failed = (status_of(o.status, o.error_type) IN ('error', 'timeout'))
            AND (o.used IS NULL OR r.used IS NOT NULL)
            AND (
                o.bare_of IS NOT NULL
                OR (
                    ms_between(r.ts, o.ts) >= -1000 - COALESCE(sane_ms(o.duration_ms), 0)
                    AND ms_between(r.ts, o.ts) <= 1000 + COALESCE(sane_ms(o.duration_ms), 0) + r.took
                )
            )
    WHERE s.trace_id IS NULL AND r.event_id IS NULL
),
priced AS (
    SELECT
        c.* EXCLUDE (input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens),
        sane_count(c.input_tokens) AS input_tokens,
        sane_count(c.output_tokens) AS output_tokens,
        sane_count(c.cache_read_tokens) AS cache_read_tokens,
        sane_count(c.cache_write_tokens) AS cache_write_tokens,
        sane_count(c.reasoning_tokens) AS reasoning_tokens,
        p.source AS price_source,
        p.input_per_mtok,
        p.output_per_mtok,
        p.cache_read_per_mtok,
        p.cache_write_per_mtok,
        p.reasoning_per_mtok
    FROM calls AS c
    LEFT JOIN lake_prices AS p
        ON
            p.provider = COALESCE(c.provider, '') AND p.model = COALESCE(c.model, '')
            AND p.model_version = COALESCE(c.model_version, '') AND c.ts >= p.valid_from AND c.ts < p.valid_to
            AND c.input_tokens >= p.min_input_tokens AND c.input_tokens <= p.max_input_tokens
),
costed AS (
    SELECT
        *,
        CASE
            WHEN input_tokens IS NOT NULL  -- GREATEST would make 0 of an unknown number
                THEN (
                    GREATEST(input_tokens - COALESCE(cache_read_tokens, 0) - COALESCE(cache_write_tokens, 0), 0)
                    * input_per_mtok
                    + COALESCE(cache_read_tokens, 0) * cache_read_per_mtok
                    + COALESCE(cache_write_tokens, 0) * cache_write_per_mtok
                    + GREATEST(COALESCE(output_tokens, 0) - COALESCE(reasoning_tokens, 0), 0) * output_per_mtok
                    + COALESCE(reasoning_tokens, 0) * reasoning_per_mtok
                ) / 1000000.0
        END AS computed_usd
    FROM priced
)
SELECT
    event_id,
    ts,
    date,
    called AS operation,
    COALESCE(name, event) AS name,
    called NOT IN ('predict', 'inference') OR input_tokens IS NOT NULL OR output_tokens IS NOT NULL AS is_llm,
    model,
    model_version,
    provider,
    environment,
    variant,
    service,
    agent,
    status_of(status, error_type) AS status,
    status_of(status, error_type) IN ('error', 'timeout') AS failed,
    error_type,
    error_message,
    attempt,
    idempotency_key,
    finish_reason,
    stream,
    sane_ms(duration_ms) AS duration_ms,
    ttft_ms,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    CASE
        WHEN input_tokens IS NOT NULL OR output_tokens IS NOT NULL
            THEN COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0)
    END AS total_tokens,
    COALESCE(cost_usd, computed_usd) AS cost_usd,
    CASE
        WHEN cost_usd IS NOT NULL THEN 'reported'
        WHEN computed_usd IS NOT NULL THEN 'computed'
        WHEN called IN ('predict', 'inference') AND input_tokens IS NULL AND output_tokens IS NULL THEN 'none'
        ELSE 'unpriced'
    END AS cost_source,
    cost_usd AS reported_usd,
    computed_usd,
    cost_usd - computed_usd AS difference_usd,
    CASE WHEN computed_usd IS NOT NULL THEN price_source END AS price_source,
    request_id,
    session_id,
    user_id,
    run_id,
    trace_id,
    span_id,
    parent_span_id,
    response_id,
    ingested_at
FROM costed
