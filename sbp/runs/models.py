"""What each JSON file of a run's folder may hold: fields, types and ranges, checked as it is read. No torch.

Fields that are not named here are let through (a later version may have more of them), but none that is named may be of
another type or out of its range: what would be shown of it is not true.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Required, cast

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

from sbp.runs.plain_files import LARGE, SMALL, BadFile, read_plain
from sbp.spec.ranges import AtLeast0, Count, Finite, Percent, Phase, Positive, Seconds
from sbp.spec.records import Record, StepRecord

Moment = Annotated[float, Field(ge=0, le=1e11)]  # seconds since 1970, to the year 5138
Correlation = Annotated[float, Field(ge=-1.000001, le=1.000001)]
Kept = Annotated[list[Count], Field(max_length=1000)]
Flag = Annotated[int, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
# What pages show of a network: nothing that Markdown takes for a link, a picture or an icon.
PlainName = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[\w .,()+/-]+$"), AfterValidator(lambda name: _no_address(name))
]
States = Literal["queued", "starting", "running", "stopping", "finished", "stopped", "failed", "diverged", "lost"]


def _no_address(name: str) -> str:
    if "www." in name.lower():
        raise ValueError("should be no address")
    return name


class Layer(TypedDict):
    """A noise layer, as meta.json has it."""

    name: PlainName
    kind: PlainName
    units: Annotated[int, Field(ge=1, le=10**7)]
    shape: Annotated[list[Annotated[int, Field(ge=1, le=10**7)]], Field(min_length=1, max_length=8)]


class Basis(TypedDict, total=False):
    """What a run's figures stand on."""

    device: str | None
    hardware: str | None
    n_train: Count | None
    n_validation: Count | None
    n_test: Count | None
    kl_weights: list[AtLeast0] | None
    versions: dict[str, str] | None
    commit: str | None


class Meta(Basis, total=False):
    """meta.json."""

    format: Positive
    sbp: str
    created: Moment | None
    network: str | None
    layers: Annotated[list[Layer], Field(min_length=1, max_length=1000)]
    macs_dense: Count | None
    data_source: str | None
    noise_kernel: str | None
    recorded_from: str | None
    pack_runs: Positive | None
    pack_seconds: Seconds | None


class ProgressJson(TypedDict):
    """Where a live training stands; `sbp.spec.records.Progress`."""

    phase: Phase
    epoch: Count
    epochs: Count
    step: Count
    steps: Count
    seconds: Seconds
    seconds_left: AtLeast0 | None
    seconds_to_first_prune: AtLeast0 | None
    nll: Finite | None


class Status(TypedDict, total=False):
    """status.json; a recorded run has none. machine: where it was written. sha256: of each growing file, once the run
    has finished."""

    state: Required[States]
    message: str | None
    pid: Count | None
    updated: Moment | None
    queued: Moment | None
    device: str | None
    place: str | None
    asked_device: str | None
    launcher: str | None
    host: str | None
    machine: str | None
    progress: ProgressJson | None
    sha256: dict[str, str] | None


class Result(Basis, total=False):
    """result.json."""

    id: str
    network: str
    dataset: str
    method: str
    preset: str
    seed: int
    epochs: Count
    finetune_epochs: Count
    random_labels: bool
    label_noise: Annotated[float, Field(ge=0, le=1)]
    test_error_percent: Percent | None
    validation_error_percent: Percent | None
    kept: Kept
    macs: Count
    macs_dense: Count
    macs_reduction: AtLeast0 | None
    seconds: Seconds


class SpeedRow(TypedDict):
    """How long a batch took."""

    variant: str
    batch: Positive
    median_seconds: Annotated[float, Field(gt=0, le=1e10)]
    iqr_seconds: Seconds
    n: Positive
    between_seconds: NotRequired[Seconds | None]


class Measurement(TypedDict):
    """How fast a run's networks were on a device."""

    when: NotRequired[Moment | None]
    device: str
    hardware: str
    threads: Count
    versions: dict[str, str]
    processes: NotRequired[Positive]
    rows: list[SpeedRow]


class Speed(TypedDict):
    """speed.json."""

    measurements: list[Measurement]


class PixelMaps(TypedDict):
    """Attributions of the pixels, each 784 numbers."""

    maps: dict[str, list[Finite]]
    lit: list[Flag]
    snr: list[AtLeast0] | None
    kept: list[Flag] | None
    correlation: dict[str, dict[str, Correlation | None]]


class UnitMap(TypedDict):
    """Attributions of a layer's units."""

    conductance: list[Finite]
    snr: list[AtLeast0]
    kept: list[Flag]
    correlation: dict[str, Correlation | None]


class Attribution(TypedDict):
    """attribution.json."""

    hardware: NotRequired[str]
    versions: NotRequired[dict[str, str]]
    when: NotRequired[Moment]
    weights: str
    n: Positive
    per_class: Positive
    data: str
    seconds: Seconds
    pixels: PixelMaps
    units: dict[str, UnitMap]


class Current(TypedDict):
    """.measuring/current.json: what is being measured."""

    what: str
    run: str
    since: Moment


class Kind:
    """A kind of JSON file: its model, made when it is first read, and how many bytes it may have."""

    def __init__(self, model: Any, most: int = SMALL) -> None:
        model.__pydantic_config__ = {"strict": True, "extra": "ignore" if model in (Record, StepRecord) else "allow"}
        self.model, self.most = model, most

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """What checks a value of this kind."""
        return TypeAdapter(self.model)

    def parse(self, content: bytes) -> Any:
        """What a JSON text holds, in the model's own form; raises ValueError with what is wrong, without the file's
        name."""
        try:
            return self.adapter.validate_json(content)
        except ValidationError as error:
            raise ValueError(told(error)) from None

    def read(self, path: Path) -> dict[str, Any]:
        """The JSON object in a file; raises `BadFile` with a sentence that names file and field."""
        content = read_plain(path, self.most)
        try:
            return cast("dict[str, Any]", self.parse(content))
        except ValueError as error:
            raise BadFile(f"{path.name} in {path.parent} does not hold what it should: {error}.") from None

    def holds(self, value: Any) -> bool:
        """Whether a value that was not read from a file is of this kind."""
        try:
            self.adapter.validate_python(value)
        except ValidationError:
            return False
        return True


def told(error: ValidationError) -> str:
    """The first thing that is wrong, in words: the field, what was expected, what came."""
    first = error.errors(include_url=False, include_context=False)[0]
    where, said, got = ".".join(map(str, first["loc"])), first["msg"], first["input"]
    said = said[:1].lower() + said[1:]
    if first["type"] in ("json_invalid", "missing"):
        return f"{where}: {said}" if where else said
    short = f"{got!r:.60}" if isinstance(got, (str, int, float, bool, type(None))) else f"a {type(got).__name__}"
    return f"{where + ': ' if where else ''}{said}, got {short}"


META, STATUS, RESULT, CURRENT = Kind(Meta), Kind(Status), Kind(Result), Kind(Current)
RECORD, STEP_RECORD = Kind(Record), Kind(StepRecord)
SPEED, ATTRIBUTION = Kind(Speed, LARGE), Kind(Attribution, LARGE)
