"""What other tools keep, into the lake; and the lake's events out of it, in forms that other tools read.

An importer reads a store (MLflow, Langfuse, Phoenix, files of OTLP) and gives lines as ingest reads them; `bring` takes
them in, exactly once. An exporter writes a selection of events to files.
"""
