-- The trace in which a request was answered.
SELECT trace_id FROM requests WHERE request_id = $request AND trace_id IS NOT NULL
