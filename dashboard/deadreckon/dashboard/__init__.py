"""The dashboard: overview, traces, alerts and SQL in a browser, from the lake's views alone."""

from __future__ import annotations

from deadreckon.dashboard.serve import Address, serve

__all__ = ["Address", "serve"]
