"""What description.json may hold, and which description a run has: its own, else that of its config. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

from sbp.runs.filenames import CONFIG
from sbp.runs.filenames import DESCRIPTION as FILE
from sbp.runs.models import Count, Kind, Layer, Name, PlainName, Positive
from sbp.runs.plain_files import LARGE, BadFile
from sbp.spec import RunConfig
from sbp.spec.description import Description
from sbp.spec.networks import description_of

Names = Annotated[list[Name], Field(max_length=1000)]
Sizes = Annotated[list[Positive], Field(max_length=1000)]


class WeightLayerJson(TypedDict, total=False):
    """A layer of weights; `sbp.spec.description.WeightLayer`."""

    name: PlainName
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
    title: PlainName
    widths: Sizes
    groups: Annotated[list[DescribedGroup], Field(min_length=1, max_length=1000)]
    weights: Annotated[list[WeightLayerJson], Field(min_length=1, max_length=2000)]
    image: Annotated[list[Positive], Field(max_length=8)]
    scales: Annotated[list[Annotated[list[int], Field(min_length=2, max_length=2)]], Field(max_length=1000)]


DESCRIPTION = Kind(DescriptionJson, LARGE)


def read_description(folder: Path, config: RunConfig, told: dict[str, Any] | None) -> Description:
    """The description of a run's network: what its folder holds, else that of the network which its config names.

    Args:
        folder: the run's, for the sentence.
        config: the run's.
        told: what description.json holds; None where there is none.

    Raises:
        BadFile: it describes another network than the config names, or is missing where no other describes it.
    """
    try:
        found = Description.from_dict(told) if told else None
    except ValueError as error:
        raise BadFile(f"{FILE} in {folder} describes no network: {error}") from None
    if config.tracked:
        if found is None:
            raise BadFile(f"{FILE} in {folder} is missing: nothing else says what its network is.")
        return found
    named = description_of(config.network)
    if found and (found.groups, found.image) != (named.groups, named.image):
        raise BadFile(
            f"{FILE} in {folder} describes another network than the {config.network.name} that {CONFIG} names; one of "
            "the two is another run's."
        )
    return found or named
