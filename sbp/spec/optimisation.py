"""How a step moves the parameters, and on what."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import model_validator

from sbp.spec.section import Section, setting

PRECISIONS = ("float32", "bf16")
OPTIMISERS = ("adam", "sgd")


class OptimisationConfig(Section):
    """The optimiser, its learning rates and weight decay, the minibatch, and what a step computes in.

    >>> OptimisationConfig(optimiser="sgd", lr=0.1).noise_lr
    0.1
    """

    section: ClassVar[str] = "optimisation"

    batch_size: int = setting(250, "Examples per step; each draws its own theta.", "examples", ge=1)
    optimiser: str = setting(
        "adam",
        "What moves weights and biases; sgd has Nesterov's momentum of 0.9. The noise is always moved by Adam.",
        choices=OPTIMISERS,
    )
    lr: float = setting(2e-3, "The learning rate of weights and biases.", "per step", gt=0)
    pretrain_lr: float = setting(0.0, "Their learning rate while pretraining; 0 takes lr.", "per step", ge=0)
    noise_lr: float = setting(
        1e-1,
        "Adam's learning rate for mu and log sigma: they move by about this much per step, "
        "so it decides how soon units can be pruned. The knob that matters.",
        "nats per step",
        gt=0,
    )
    finetune_lr: float = setting(0.0, "The learning rate in fine-tuning; 0 takes lr.", "per step", ge=0)
    weight_decay: float = setting(0.0, "L2 penalty on the weights (added to the gradient).", "per step", ge=0)
    pretrain_decay: float = setting(0.0, "The weight decay while pretraining; 0 takes weight_decay.", "per step", ge=0)
    pretrain_dropout: float = setting(
        0.0,
        "Dropout while pretraining: the share of hidden dense neurons dropped at each step. It makes a better start, "
        "and with distillation a better teacher.",
        ge=0,
        lt=1,
    )
    decoupled_decay: bool = setting(
        False,
        "Weight decay is taken off the weights themselves, lr times it at every step (AdamW), not added to "
        "the gradient.",
    )
    distillation: float = setting(
        0.0,
        "The share of the data term that compares the network with what it was after pretraining (its KL from that "
        "teacher's softened answers); the rest is the NLL of the labels. 0 has no teacher.",
        ge=0,
        le=1,
    )
    temperature: float = setting(2.0, "By how much both answers are softened for that.", gt=0)
    hold_norm: bool = setting(
        False,
        "With the noise on, batch normalisation keeps the means and variances of the pretraining; "
        "its scale and shift are learned all the same.",
    )
    recalibrate_norm: bool = setting(
        False,
        "After every epoch the means and variances of batch normalisation are re-estimated, on training images "
        "and on the network as it is evaluated: without noise, and with what was pruned removed.",
    )
    precision: str = setting(
        "float32",
        "The precision of a training step. bf16: torch's autocast, with weights, noise and their "
        "gradients kept in float32; the network is evaluated in float32.",
        choices=PRECISIONS,
    )
    channels_last: bool = setting(
        False, "Convolutions get their images channel by channel at each pixel, which is faster on recent GPUs."
    )
    compiled: bool = setting(
        False,
        "The network's passes in a training step are compiled by torch.compile: a minute or so at the start, and "
        "faster steps on a GPU.",
    )

    @model_validator(mode="after")
    def _check_together(self) -> Any:
        if self.hold_norm and self.recalibrate_norm:
            raise self.wrong("recalibrate_norm", "expected False with hold_norm, whose means and variances stay.")
        if self.decoupled_decay and self.optimiser == "sgd":
            raise self.wrong("decoupled_decay", "expected False with optimiser sgd, whose decay is in the gradient.")
        return self
