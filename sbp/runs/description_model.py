"""What description.json may hold: a network's groups of units and layers of weights. No torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

from sbp.runs.models import Count, Kind, Layer, Name, Positive
from sbp.runs.plain_files import LARGE

Names = Annotated[list[Name], Field(max_length=1000)]
Sizes = Annotated[list[Positive], Field(max_length=1000)]


class WeightLayerJson(TypedDict, total=False):
    """A layer of weights; `sbp.spec.description.WeightLayer`."""

    name: Name
    kind: Name
    reads: Names
    times: Sizes
    fixed_in: Count
    makes: Annotated[str, Field(max_length=100)]
    fixed_out: Count
    kernel: Positive
    positions: Positive
    pool: Positive
    padding: Count
    norm: Annotated[str, Field(max_length=200)]
    depthwise: bool


class DescribedGroup(Layer, total=False):
    """A group of units; `sbp.spec.layout.Group`."""

    parent: Annotated[str, Field(max_length=100)]


class DescriptionJson(TypedDict):
    """description.json; `sbp.spec.description.Description`."""

    schema: Literal[1]
    name: Name
    title: Name
    widths: Sizes
    groups: Annotated[list[DescribedGroup], Field(min_length=1, max_length=1000)]
    weights: Annotated[list[WeightLayerJson], Field(min_length=1, max_length=2000)]
    image: Annotated[list[Positive], Field(min_length=3, max_length=3)]
    scales: Annotated[list[Annotated[list[int], Field(min_length=2, max_length=2)]], Field(max_length=1000)]


DESCRIPTION = Kind(DescriptionJson, LARGE)
