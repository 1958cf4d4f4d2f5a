"""What the pages ask. Nothing here knows Streamlit: each service takes a `Source` and gives small frozen records."""

from __future__ import annotations

__all__: list[str] = []
