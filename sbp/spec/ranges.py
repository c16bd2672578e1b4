"""The ranges of numbers in a run's files: what lies outside one was not written by a training."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

Count = Annotated[int, Field(ge=0, le=10**15)]
Positive = Annotated[int, Field(ge=1, le=10**15)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
AtLeast0 = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100)]
Seconds = Annotated[float, Field(ge=0, le=1e10)]
Epoch = Annotated[int, Field(ge=-(10**7), le=10**7)]  # those of pretraining count up to 0
Epochs = Annotated[float, Field(ge=-1e7, le=1e7)]  # with their fraction
Phase = Literal["pretrain", "sbp", "finetune"]
# Far outside the box that a training keeps mu and log sigma in (`sbp.spec.noise`), and every formula is finite still.
MOST_LOC, MOST_LOG_SCALE = 1e3, 20.0
NOISE = f"mu from {-MOST_LOC:g} to {MOST_LOC:g} and log sigma from {-MOST_LOG_SCALE:g} to {MOST_LOG_SCALE:g}"


def is_noise(loc: np.ndarray, log_scale: np.ndarray) -> np.ndarray:
    """Whether mu and log sigma are ones that a unit can have; bool, by the last axis.

    >>> is_noise(np.array([[0.0], [np.nan], [0.0]]), np.array([[-5.0], [-5.0], [3e32]])).tolist()
    [True, False, False]
    """
    good = (abs(loc) <= MOST_LOC).all(axis=-1) & (abs(log_scale) <= MOST_LOG_SCALE).all(axis=-1)
    return np.asarray(good)
