"""Tables from records: typed columns, so that they sort as figures, and whose cells hold text and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa

Column = tuple[Literal["text", "number", "whole", "time"], Sequence[Any]]
"""A column's type and its values."""


def table(columns: Mapping[str, Column]) -> pa.Table:
    """A table of columns: name -> its type and values."""
    types = {"text": pa.string(), "number": pa.float64(), "whole": pa.int64(), "time": pa.timestamp("us", tz="UTC")}
    return pa.table({name: pa.array(list(values), types[type_]) for name, (type_, values) in columns.items()})
