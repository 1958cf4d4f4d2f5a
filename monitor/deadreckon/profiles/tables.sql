-- What one run of profiling works with: groups and subjects by number, and what was counted of them so far.
CREATE TABLE groups (
    g INTEGER, hour TIMESTAMP, environment VARCHAR, model VARCHAR, model_version VARCHAR, variant VARCHAR
);
CREATE TABLE subjects (
    s INTEGER, subject VARCHAR, kind VARCHAR, origin DOUBLE, complete BOOLEAN, seen BIGINT, changed BOOLEAN
);
CREATE TABLE categories (s INTEGER, value VARCHAR);
-- what: 0 finite, 1 null, 2 not a number, 3 and 4 the infinities, 5 of the other kind
CREATE TABLE numbers (
    g INTEGER, s INTEGER, what TINYINT, bucket INTEGER, n BIGINT, sum DOUBLE, sum_sq DOUBLE, min DOUBLE, max DOUBLE
);
CREATE TABLE labels (g INTEGER, s INTEGER, category VARCHAR, n BIGINT, n_other BIGINT);
CREATE TABLE carriers (g INTEGER, subject VARCHAR, n BIGINT);
