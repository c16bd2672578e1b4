"""The ranges of numbers in a run's files: what lies outside one was not written by a training."""

from __future__ import annotations

from typing import Annotated, Literal

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
