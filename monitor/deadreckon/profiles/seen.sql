-- What is observed by name and was not read as a column: numbers, or labels, or nothing; s is null where the name is not
-- known yet.
CREATE OR REPLACE TEMP TABLE seen AS {pairs};
