"""Tests of the figures, on made-up runs."""
