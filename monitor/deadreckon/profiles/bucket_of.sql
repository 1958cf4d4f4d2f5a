-- The bucket of a distance from the origin, as drift.buckets has it: the sign, and the place above 2^-64 in steps of
-- 2^(1/32); 0 is the bucket of zero. A distance too great for a double is in the last bucket.
CREATE OR REPLACE TEMP MACRO bucket_of(d) AS
    CASE
        WHEN d IS NULL THEN NULL
        WHEN abs(d) > 5.421010862427522e-20
            THEN CAST(sign(d) AS INTEGER)
                * greatest(CAST(ceil(log2(least(abs(d), 1.7976931348623157e308)) * 32) AS INTEGER) + 2048, 1)
        ELSE 0
    END;
