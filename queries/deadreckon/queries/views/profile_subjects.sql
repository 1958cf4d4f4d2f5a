-- profile_subjects: what is profiled, as it was frozen when it was first seen
-- Grain: one row per subject
-- Columns:
--   subject          latency_ms, ttft_ms, cost_usd, input_tokens, output_tokens, status, error_type, finish_reason,
--                    tool:name, feature:NAME, output:NAME, score:NAME or feedback:NAME
--   kind             numeric or categorical
--   origin           numeric: the value from which its buckets are measured
--   categories       categorical: the values that are counted each by itself
--   complete         whether these were all values there were: then a value not among them is __new__, else __other__
--   version          the version of the events table that last changed this row
WITH placed AS (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY subject ORDER BY version DESC) AS place FROM lake_profile_subjects
)
SELECT
    subject,
    kind,
    origin,
    categories,
    complete,
    version
FROM placed
WHERE place = 1
