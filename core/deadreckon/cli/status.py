"""`reckon status`."""
