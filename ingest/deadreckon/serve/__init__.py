"""The OTLP receiver: what OpenTelemetry's exporters send, answered when it is on the disk.

    request ── body ── records ── lines ──> journal (spool file, fsync) ──> answer
                                                 └─> reckon ingest ──> lake

`deadreckon.serve` writes the spool that `reckon ingest` reads; it knows nothing of the lake.
"""
