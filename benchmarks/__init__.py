"""Side-by-side measurements: each compares with its yardstick in the same run and prints a ratio."""
