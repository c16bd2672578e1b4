"""Searches over the fields of a run: what is tried, what came of it."""
