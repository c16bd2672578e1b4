"""The SNR of a run's rows of mu and log sigma, of which a live run pays for the new ones alone."""

from __future__ import annotations

import numpy as np

from sbp.distributions import moments

Shots = tuple[dict[str, np.ndarray], ...]  # loc, log_scale and SNR by layer


def grown(
    name: str, shown: tuple[np.ndarray, np.ndarray], interval: tuple[float, float], before: Shots | None
) -> tuple[np.ndarray, int]:
    """The SNR of a layer's rows of mu and log sigma, float32 [rows, units], and how many of them were known before."""
    loc, log_scale = shown
    known = _common_rows(before, name, loc, log_scale)
    new = np.asarray(
        moments.snr(loc[known:], log_scale[known:], *interval) if known < len(loc) else loc[:0], np.float32
    )
    return (np.concatenate([before[2][name][:known], new]) if before and known else new), known


def _common_rows(before: Shots | None, name: str, loc: np.ndarray, log_scale: np.ndarray) -> int:
    """How many leading rows of a layer are the very ones computed before; 0 if any differs (a run that was resumed)."""
    if before is None or name not in before[0]:
        return 0
    was_loc, was_scale = before[0][name], before[1][name]
    n = min(len(was_loc), len(loc))
    if _place(was_loc) == _place(loc) and _place(was_scale) == _place(log_scale):
        return n  # rows are added where they were read to (sbp.runs.incremental), so these are the same ones
    same = np.array_equal(was_loc[:n], loc[:n]) and np.array_equal(was_scale[:n], log_scale[:n])
    return n if same else 0


def _place(values: np.ndarray) -> tuple[int, tuple[int, ...]]:
    """Where an array lies in memory; both are alive, so no two share a place that are not the same."""
    return values.__array_interface__["data"][0], values.strides
