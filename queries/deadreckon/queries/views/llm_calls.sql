-- llm_calls: calls of language models (chat, completions, embeddings, ...), with tokens and cost; see model_calls
-- Grain: one row per call of a language model
-- Columns:
--   event_id
--   ts               when it began
--   date
--   operation
--   name             the span's name; where it has none its event
--   model
--   model_version
--   provider
--   environment
--   variant
--   service
--   agent
--   status           ok, error, cancelled or timeout
--   failed           whether its status is error or timeout
--   error_type
--   error_message
--   attempt
--   idempotency_key
--   finish_reason
--   stream
--   duration_ms
--   ttft_ms
--   input_tokens
--   output_tokens
--   cache_read_tokens
--   cache_write_tokens
--   reasoning_tokens
--   total_tokens [tokens]  input and output; their parts (cached, reasoning) are inside them and not added again
--   cost_usd [US dollars]  as reported, else as computed; NULL, never 0, where neither is known
--   cost_source      reported, computed or unpriced
--   reported_usd [US dollars]  as the writer reported it
--   computed_usd [US dollars]  from token counts and the price in force at ts
--   difference_usd [US dollars]  reported_usd less computed_usd; NULL where either is unknown
--   price_source     where the price used for computed_usd comes from
--   tokens_per_s [tokens per second]  output tokens per second after the first token; NULL where ttft_ms is unknown
--   request_id
--   session_id
--   user_id
--   run_id
--   trace_id
--   span_id
--   parent_span_id
--   response_id
SELECT
    event_id,
    ts,
    date,
    operation,
    name,
    model,
    model_version,
    provider,
    environment,
    variant,
    service,
    agent,
    status,
    failed,
    error_type,
    error_message,
    attempt,
    idempotency_key,
    finish_reason,
    stream,
    duration_ms,
    ttft_ms,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    total_tokens,
    cost_usd,
    cost_source,
    reported_usd,
    computed_usd,
    difference_usd,
    price_source,
    CASE WHEN duration_ms > ttft_ms THEN 1000.0 * output_tokens / (duration_ms - ttft_ms) END AS tokens_per_s,
    request_id,
    session_id,
    user_id,
    run_id,
    trace_id,
    span_id,
    parent_span_id,
    response_id
FROM model_calls
WHERE is_llm
