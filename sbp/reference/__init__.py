"""Figures of the paper and of others, each with its source."""
