-- The macros of duckdb.sql as Spark SQL expressions: each is put in the place of its call.

-- A key of a JSON object, as text; NULL where it is absent, or where the text is no JSON.
json_text(document, field): get_json_object(document, concat('$.', field))
-- Whether an operation asks something of a model.
asks_model(operation): operation IN ('chat', 'text_completion', 'completion', 'generate_content', 'generate', 'response', 'responses', 'llm', 'embeddings', 'embedding', 'rerank', 'predict', 'inference', 'image_generation', 'speech', 'transcription')
-- How something ended: as it says, and where it does not, by whether it has an error.
status_of(status, error_type): COALESCE(status, CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END)
-- A text as a key: two are the same where the texts are. Here it is the text.
key_of(text): text
-- A duration, where it can be one: not below zero, finite, and at most some 30 years.
sane_ms(ms): CASE WHEN ms >= 0 AND ms <= 1000000000000 THEN ms END
-- A count, where it can be one: not below zero.
sane_count(n): CASE WHEN n >= 0 THEN n END
-- A time, some milliseconds later.
add_ms(moment, ms): moment + make_dt_interval(0, 0, 0, CAST(round(ms * 1000) AS DECIMAL(18, 0)) / 1000000)
-- Milliseconds from one time to another.
ms_between(earlier, later): (unix_micros(CAST(later AS TIMESTAMP)) - unix_micros(CAST(earlier AS TIMESTAMP))) / 1000.0D
-- The exact quantile, interpolated between the two nearest values.
exact_quantile(x, q): percentile(x, q)
-- The hour that a time is in.
hour_of(moment): date_trunc('HOUR', moment)
-- The bucket of a coarser scale that a profile's bucket is part of.
bucket_at(bucket, scale, coarser): CASE WHEN bucket = 0 THEN 0 ELSE CAST(sign(bucket) AS INT) * (shiftright(abs(bucket) - 1, CAST(scale - coarser AS INT)) + 1) END
-- The edges of a profile's bucket, as distances from the subject's origin.
bucket_high(bucket, scale): CASE WHEN bucket >= 0 THEN power(2.0D, bucket / power(2.0D, scale) - 64) ELSE -power(2.0D, (-1 - bucket) / power(2.0D, scale) - 64) END
bucket_low(bucket, scale): CASE WHEN bucket <= 0 THEN -power(2.0D, -bucket / power(2.0D, scale) - 64) ELSE power(2.0D, (bucket - 1) / power(2.0D, scale) - 64) END
-- An edge of the quantile of counted values in order, of which `upto` are known up to each row and `n` are in it.
quantile_edge(edge, n, upto, total, q): max(CASE WHEN upto - n <= floor((total - 1) * q) AND upto > floor((total - 1) * q) THEN edge * (1 - (total - 1) * q + floor((total - 1) * q)) END) + max(CASE WHEN upto - n <= ceil((total - 1) * q) AND upto > ceil((total - 1) * q) THEN edge * ((total - 1) * q - floor((total - 1) * q)) END)
