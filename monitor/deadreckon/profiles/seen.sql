-- All that the chunk's events have to be observed by name: numbers, or labels, or nothing; s is null where the name is
-- not known yet.
CREATE OR REPLACE TEMP TABLE seen AS {pairs};
