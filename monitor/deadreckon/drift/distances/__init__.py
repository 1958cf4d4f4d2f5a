"""Distances between two samples, one file each: between sorted numbers, between counts, or both."""
