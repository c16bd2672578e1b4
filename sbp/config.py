"""What a run is asked to do: one frozen, validated, JSON-able object.

The form of the app, the command line and the worker all speak of a run through this class,
and the help text of every control is the field's own sentence.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from sbp.field_checks import ConfigError, at_least, check_type, finite, one_of
from sbp.images import IMAGES, by
from sbp.networks.specs import SPECS

DATASETS = tuple(IMAGES)
# With a mu and a log sigma for every unit, and those that it is compared with.
NOISE_METHODS = ("sbp", "sbpa", "sbp-fixed-mu")
METHODS = (
    *NOISE_METHODS, "sbp-weights", "original", "binary-dropout", "gaussian-dropout", "sparse-vd", "ssl",
)  # fmt: skip
PRECISIONS = ("float32", "bf16")
OPTIMISERS = ("adam", "sgd")
DEVICES = ("auto", "cpu", "cuda", "mps")


def _field(default: Any, help: str, unit: str = "") -> Any:
    return dataclasses.field(default=default, metadata={"help": help, "unit": unit})


@dataclass(frozen=True)
class RunConfig:
    """Describes one training run completely: same config, same versions, same device, same result.

    Raises `ConfigError` with a sentence when a value is out of range.

    >>> config = RunConfig(network="lenet-500-300", epochs=3)
    >>> RunConfig.from_json(config.to_json()) == config
    True
    """

    network: str = _field("lenet-500-300", "Which network is trained.")
    dataset: str = _field("mnist", "Which images it is trained on.")
    method: str = _field(
        "sbp",
        "sbp: the paper's bound, every KL weight 1. sbpa: the KL of a layer is weighted, "
        "by default in proportion to the MACs one of its units owns (StructuredBPa). sbp-fixed-mu: mu stays at its "
        "birth. sbp-weights: the noise on single weights. original: weight decay alone. binary-dropout and "
        "gaussian-dropout: noise that is not learned. sparse-vd: Gaussian noise on weights, learned. ssl: group lasso.",
    )
    preset: str = _field("custom", "The name of the recipe these values came from.")
    epochs: int = _field(30, "Passes over the training set with the noise on.", "epochs")
    pretrain_epochs: int = _field(0, "Passes over the training set before that, without noise.", "epochs")
    batch_size: int = _field(250, "Objects a step; each draws its own theta.", "objects")
    optimiser: str = _field(
        "adam", "What moves weights and biases; sgd has Nesterov's momentum of 0.9. The noise is always moved by Adam."
    )
    lr: float = _field(2e-3, "The learning rate of weights and biases.", "per step")
    pretrain_lr: float = _field(0.0, "Their learning rate while pretraining; 0 takes lr.", "per step")
    noise_lr: float = _field(
        1e-1,
        "Adam's learning rate for mu and log sigma: they move by about this much a step, "
        "so it decides how soon units can die. The knob that matters.",
        "nats per step",
    )
    weight_decay: float = _field(0.0, "L2 penalty on the weights (added to the gradient).", "per step")
    decoupled_decay: bool = _field(
        False, "Weight decay is taken off the weights themselves, lr times it at every step (AdamW), not added to "
        "the gradient.",
    )
    kl_weights: tuple[float, ...] = _field(
        (), "One weight a noise layer for the KL (sbpa only). Empty: in proportion to the MACs a unit owns."
    )
    kl_exponent: float = _field(
        1.0,
        "sbpa without weights of its own: the KL of a layer counts as much as (the MACs that one of its units owns) "
        "to this power; 0 is the plain bound, 1 prunes in proportion to cost.",
    )
    kl_warmup: tuple[int, ...] = _field(
        (), "Two epochs: up to the first the KL counts nothing, from there it grows linearly to its full weight at the "
        "second. Empty: its full weight from the start.", "epochs",
    )
    finetune_epochs: int = _field(
        0, "Passes after that with what was pruned gone and mu and sigma frozen: only the weights go on.", "epochs"
    )
    finetune_lr: float = _field(0.0, "The learning rate then; 0 takes lr.", "per step")
    average_decay: float = _field(
        0.0, "While fine-tuning, the network that is judged and kept is an exponential average of the weights "
        "with this decay a step; 0 keeps the last weights.", "per step",
    )
    shrink_after: int = _field(
        0, "Units that have been removed for this many epochs in a row are cut out of the network in training, which "
        "makes it faster; none of them can come back. 0 cuts nothing.", "epochs",
    )
    dropout: float = _field(
        0.5, "binary-dropout: the share of hidden dense neurons dropped. gaussian-dropout: their noise is "
        "N(1, p/(1 - p)) with this p.",
    )
    group_penalty: float = _field(
        0.0, "ssl: lambda, the factor on the sum of the Euclidean norms of the weights of each group.", "nats"
    )
    log_low: float = _field(-20.0, "a, the lower end of log theta.", "nats")
    log_high: float = _field(0.0, "b, the upper end of log theta; at 0 the noise never amplifies.", "nats")
    init_loc: float = _field(0.0, "mu of every unit at birth.", "nats")
    init_log_scale: float = _field(-5.0, "log sigma of every unit at birth.", "log nats")
    widths: tuple[int, ...] = _field((), "Hidden widths, first layer first. Empty: the network's own.", "units")
    seed: int = _field(0, "Decides the initial weights, the order of objects and every draw of theta.")
    device: str = _field("auto", "Where it is trained; auto takes the first of cuda, mps, cpu that works.")
    train_size: int = _field(0, "How many training objects are used; 0 means all.", "objects")
    validation_size: int = _field(
        5000, "How many training objects are held out to watch the error; the test set is read once, at the end.",
        "objects",
    )
    augment: bool = _field(
        False, "Each training image is flipped left-right or not and shifted by up to 4 pixels, anew at every step; "
        "only where an image and its mirror image are of one class.",
    )
    cutout: int = _field(
        0, "A square with this side, its centre anywhere, is hidden in each augmented image; 0 hides nothing.", "pixels"
    )
    hold_norm: bool = _field(
        False, "With the noise on, batch normalisation goes on with the means and variances that the pretraining left; "
        "its scale and shift are learned all the same.",
    )
    recalibrate_norm: bool = _field(
        False, "After every epoch the means and variances of batch normalisation are measured anew, on training images "
        "and on the network as it is judged: without noise, and with what was pruned gone.",
    )
    precision: str = _field(
        "float32", "What a training step multiplies in. bf16: torch's autocast, with weights, noise and their "
        "gradients kept in float32; the network is judged in float32.",
    )
    channels_last: bool = _field(
        False, "Convolutions get their images channel by channel at each pixel, which is faster on recent GPUs."
    )
    random_labels: bool = _field(False, "Replace every training label by a random one; the test set keeps its own.")
    threads: int = _field(0, "CPU threads of the training; 0 leaves it to the machine.", "threads")

    def __post_init__(self) -> None:
        object.__setattr__(self, "kl_weights", tuple(float(w) for w in self.kl_weights))
        object.__setattr__(self, "widths", tuple(int(w) for w in self.widths))
        object.__setattr__(self, "kl_warmup", tuple(int(e) for e in self.kl_warmup))
        self._check()

    def _check(self) -> None:
        one_of("network", self.network, tuple(SPECS))
        one_of("dataset", self.dataset, DATASETS)
        one_of("method", self.method, METHODS)
        one_of("device", self.device, DEVICES)
        one_of("optimiser", self.optimiser, OPTIMISERS)
        one_of("precision", self.precision, PRECISIONS)
        if self.augment and not IMAGES[self.dataset].mirrors:
            others = ", ".join(name for name, images in IMAGES.items() if images.mirrors)
            raise ConfigError(
                f"augment: expected False with {self.dataset}, whose images change their class when they are flipped; "
                f"it is for {others}."
            )
        for name in ("epochs", "batch_size"):
            at_least(name, getattr(self, name), 1)
        for name in (
            "pretrain_epochs", "train_size", "validation_size", "seed", "threads", "weight_decay", "finetune_epochs",
            "finetune_lr", "pretrain_lr", "group_penalty", "shrink_after", "cutout",
        ):
            at_least(name, getattr(self, name), 0)
        if self.cutout and not self.augment:
            raise ConfigError(f"cutout: expected 0 without augment, whose part it is, got {self.cutout!r}.")
        if self.hold_norm and self.recalibrate_norm:
            raise ConfigError("recalibrate_norm: expected False with hold_norm, whose means and variances stay.")
        if self.decoupled_decay and self.optimiser == "sgd":
            raise ConfigError("decoupled_decay: expected False with optimiser sgd, whose decay is in the gradient.")
        if self.shrink_after and not self.has_noise:
            raise ConfigError(
                f"shrink_after: expected 0 with method {self.method}, whose units have no SNR to go by; it is for "
                f"{', '.join(NOISE_METHODS)}."
            )
        if not (finite(self.kl_exponent) and 0 <= self.kl_exponent <= 1):
            raise ConfigError(f"kl_exponent: expected a number from 0 to 1, got {self.kl_exponent!r}.")
        for name in ("average_decay", "dropout"):
            if not (finite(getattr(self, name)) and 0 <= getattr(self, name) < 1):
                raise ConfigError(f"{name}: expected a number from 0 to below 1, got {getattr(self, name)!r}.")
        if self.kl_warmup and not (len(self.kl_warmup) == 2 and 0 <= self.kl_warmup[0] < self.kl_warmup[1]):
            got = list(self.kl_warmup)
            raise ConfigError(f"kl_warmup: expected two epochs, the first below the second, got {got}.")
        for name in ("lr", "noise_lr"):
            value = getattr(self, name)
            if not (finite(value) and value > 0):
                raise ConfigError(f"{name}: expected a number above 0, got {value!r}.")
        if not (finite(self.log_low) and finite(self.log_high) and self.log_low < self.log_high):
            raise ConfigError(
                f"log_low, log_high: expected a < b, got a = {self.log_low!r}, b = {self.log_high!r}; "
                "the paper uses a = -20, b = 0."
            )
        if not self.log_low - 5 <= self.init_loc <= self.log_high + 5:
            raise ConfigError(f"init_loc: expected mu within 5 of [a, b], got {self.init_loc!r}.")
        if not -8 <= self.init_log_scale <= 5:
            raise ConfigError(f"init_log_scale: expected log sigma in [-8, 5], got {self.init_log_scale!r}.")
        spec = SPECS[self.network]
        if not fits(self.network, self.dataset):
            others = ", ".join(name for name in DATASETS if fits(self.network, name)) or "none yet"
            raise ConfigError(
                f"dataset: expected one with images of {by(spec.image)} for {self.network} ({others}), "
                f"got {self.dataset!r}, whose images are {IMAGES[self.dataset].by}."
            )
        if self.widths and (len(self.widths) != len(spec.widths) or min(self.widths) < 1):
            raise ConfigError(
                f"widths: expected {len(spec.widths)} numbers of at least 1 for {self.network}, "
                f"got {list(self.widths)}; leave it empty for {list(spec.widths)}."
            )
        n_layers = len(spec.layers(self.widths))
        if self.kl_weights and self.method != "sbpa" and set(self.kl_weights) != {1.0}:
            raise ConfigError(
                f"kl_weights: expected none with method {self.method} (all are 1); choose method sbpa to set them."
            )
        if self.kl_weights and (len(self.kl_weights) != n_layers or not all(w >= 0 for w in self.kl_weights)):
            raise ConfigError(
                f"kl_weights: expected {n_layers} numbers of at least 0, one a noise layer, "
                f"got {list(self.kl_weights)}."
            )

    @property
    def has_noise(self) -> bool:
        """Whether every unit has a mu and a log sigma, so that its story can be told."""
        return self.method in NOISE_METHODS

    @property
    def last_epoch(self) -> int:
        """The number of the last epoch, fine-tuning included."""
        return self.epochs + self.finetune_epochs

    def to_json(self) -> str:
        """The config as JSON text with every field written out."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> RunConfig:
        """Reads what `to_json` wrote; raises `ConfigError` on unknown fields or text that is no JSON object."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"Expected a run's config as JSON, got text that does not parse: {error}.") from None
        if not isinstance(values, dict):
            raise ConfigError(f"Expected a JSON object with the fields of a run, got {type(values).__name__}.")
        return cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RunConfig:
        """Builds a config from plain values; raises `ConfigError` naming fields that do not exist."""
        fields = {f.name: f for f in dataclasses.fields(cls)}
        unknown = sorted(set(values) - set(fields))
        if unknown:
            raise ConfigError(f"Unknown field(s) {', '.join(unknown)}; a run has {', '.join(fields)}.")
        for name, value in values.items():
            check_type(name, value, fields[name].default)
        return cls(**values)

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with some fields changed, validated anew."""
        return RunConfig.from_dict({**dataclasses.asdict(self), **changes})


def fits(network: str, dataset: str) -> bool:
    """Whether a network reads images of this data set's shape.

    >>> fits("lenet-5-caffe", "digits"), fits("lenet-5-caffe", "cifar-10")
    (True, False)
    """
    return SPECS[network].image == IMAGES[dataset].shape
