-- What engines write differently, once per engine: see spark.sql for the same names there.

-- A key of a JSON object, as text; NULL where it is absent, or where the text is no JSON.
CREATE OR REPLACE MACRO json_text(document, field) AS CASE WHEN json_valid(document) THEN document ->> field END;
-- Whether an operation asks something of a model.
CREATE OR REPLACE MACRO asks_model(operation) AS operation IN (
    'chat', 'text_completion', 'completion', 'generate_content', 'generate', 'response', 'responses', 'llm',
    'embeddings', 'embedding', 'rerank', 'predict', 'inference', 'image_generation', 'speech', 'transcription'
);
-- How something ended: as it says, and where it does not, by whether it has an error.
CREATE OR REPLACE MACRO status_of(status, error_type) AS
    COALESCE(status, CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END);
-- A text as a short key: two are the same where the texts are.
CREATE OR REPLACE MACRO key_of(text) AS md5_number(text);
-- A duration, where it can be one: not below zero, finite, and at most some 30 years.
CREATE OR REPLACE MACRO sane_ms(ms) AS CASE WHEN ms >= 0 AND ms <= 1000000000000 THEN ms END;
-- A count, where it can be one: not below zero.
CREATE OR REPLACE MACRO sane_count(n) AS CASE WHEN n >= 0 THEN n END;
-- A time, some milliseconds later.
CREATE OR REPLACE MACRO add_ms(moment, ms) AS moment + to_microseconds(CAST(round(ms * 1000) AS BIGINT));
-- Milliseconds from one time to another.
CREATE OR REPLACE MACRO ms_between(earlier, later) AS date_diff('microsecond', earlier, later) / 1000.0;
-- The exact quantile, interpolated between the two nearest values.
CREATE OR REPLACE MACRO exact_quantile(x, q) AS quantile_cont(x, q);
-- The hour that a time is in.
CREATE OR REPLACE MACRO hour_of(moment) AS date_trunc('hour', moment);
-- The bucket of a coarser scale that a profile's bucket is part of.
CREATE OR REPLACE MACRO bucket_at(bucket, scale, coarser) AS
    CASE WHEN bucket = 0 THEN 0 ELSE sign(bucket) * (((abs(bucket) - 1) >> (scale - coarser)) + 1) END;
-- The edges of a profile's bucket, as distances from the subject's origin.
CREATE OR REPLACE MACRO bucket_high(bucket, scale) AS
    CASE WHEN bucket >= 0 THEN pow(2.0, bucket / pow(2.0, scale) - 64) ELSE -pow(2.0, (-1 - bucket) / pow(2.0, scale) - 64) END;
CREATE OR REPLACE MACRO bucket_low(bucket, scale) AS
    CASE WHEN bucket <= 0 THEN -pow(2.0, -bucket / pow(2.0, scale) - 64) ELSE pow(2.0, (bucket - 1) / pow(2.0, scale) - 64) END;
-- An edge of the quantile of counted values in order, of which `upto` are known up to each row and `n` are in it,
-- interpolated between the two nearest as exact_quantile does.
CREATE OR REPLACE MACRO quantile_edge(edge, n, upto, total, q) AS
    MAX(CASE WHEN upto - n <= floor((total - 1) * q) AND upto > floor((total - 1) * q) THEN edge * (1 - (total - 1) * q + floor((total - 1) * q)) END)
    + MAX(CASE WHEN upto - n <= ceil((total - 1) * q) AND upto > ceil((total - 1) * q) THEN edge * ((total - 1) * q - floor((total - 1) * q)) END);
