-- prices: what the tokens of each model of the lake cost, and when, from whichever source has a price for it. A
-- model that no source prices is not here. Joined to the calls of another time it answers what they would have cost
-- Grain: one row per provider, model, model_version, time of a price, and tier of input tokens
-- Columns:
--   provider
--   model
--   model_version
--   valid_from [UTC]  from when it holds
--   valid_to [UTC]   until before when it holds; the year 9999 where no end is known
--   min_input_tokens [tokens]  the least input of a call that it is for: 0, or a tier's beginning
--   max_input_tokens [tokens]  the most input of a call that it is for
--   input_per_mtok [US dollars per million tokens]  of input that was neither read from a cache nor written to one
--   output_per_mtok [US dollars per million tokens]  of output, reasoning left out
--   cache_read_per_mtok [US dollars per million tokens]  of the part of the input that was read from a cache
--   cache_write_per_mtok [US dollars per million tokens]  of the part of the input that was written to a cache
--   reasoning_per_mtok [US dollars per million tokens]  of the part of the output that was reasoning
--   source           which table it comes from, of which version, and under which name it is there
--   note             what of the source's price it leaves out; NULL where it leaves out nothing
SELECT
    NULLIF(provider, '') AS provider,
    NULLIF(model, '') AS model,
    NULLIF(model_version, '') AS model_version,
    valid_from,
    valid_to,
    min_input_tokens,
    max_input_tokens,
    input_per_mtok,
    output_per_mtok,
    cache_read_per_mtok,
    cache_write_per_mtok,
    reasoning_per_mtok,
    source,
    NULLIF(note, '') AS note
FROM lake_prices
