"""The methods, and the settings that only one of them has. A new method adds a class here.

`METHOD_CONFIGS` is the union of them: the `name` says which one a method's settings are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from sbp.spec.section import Numbers, Section, setting

METHOD_HELP = (
    "sbp: the paper's bound, every KL weight 1. sbpa: the KL of a layer is weighted, "
    "by default in proportion to the MACs one of its units owns. sbp-fixed-mu: mu stays at its "
    "initial value. sbp-weights: the noise on single weights. original: weight decay alone. binary-dropout and "
    "gaussian-dropout: noise that is not learned. sparse-vd: Gaussian noise on weights, learned. ssl: group lasso. "
    "torch-pruning: trained whole, pruned once by that package, fine-tuned."
)
METHOD_CONFIGS: dict[str, type[MethodConfig]] = {}


class MethodConfig(Section):
    """A method's name, and in its subclasses the settings that no other method has.

    titles: what pages and tables call each of its names. has_kl: whether its objective has a KL divergence.
    has_noise: whether every unit has a mu and a log sigma, so that its story can be told. on_weights: whether it
    removes single weights, from which units follow in networks alone that are chains of layers.
    """

    section: ClassVar[str] = "method"
    titles: ClassVar[Mapping[str, str]] = {}
    has_noise: ClassVar[bool] = False
    has_kl: ClassVar[bool] = False
    on_weights: ClassVar[bool] = False

    name: str

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        for name in get_args(cls.model_fields["name"].annotation):
            METHOD_CONFIGS[name] = cls


class SBPConfig(MethodConfig):
    """SBP by the paper's bound, with mu trained or fixed: nothing to set."""

    has_noise: ClassVar[bool] = True
    titles: ClassVar[Mapping[str, str]] = {"sbp": "SBP", "sbp-fixed-mu": "SBP, mu fixed"}
    has_kl: ClassVar[bool] = True

    name: Literal["sbp", "sbp-fixed-mu"] = setting("sbp", METHOD_HELP)


class SBPaConfig(MethodConfig):
    """SBP with a weight on each layer's KL: those given, else the MACs a unit owns to a power.

    >>> SBPaConfig(kl_weights=[60, 60, 1, 1]).kl_weights
    (60.0, 60.0, 1.0, 1.0)
    """

    has_noise: ClassVar[bool] = True
    titles: ClassVar[Mapping[str, str]] = {"sbpa": "SBP with KL weights"}
    has_kl: ClassVar[bool] = True

    name: Literal["sbpa"] = setting("sbpa", METHOD_HELP)
    kl_weights: Numbers = setting(
        (), "One weight per noise layer for the KL (sbpa only). Empty: in proportion to the MACs of a unit."
    )
    kl_exponent: float = setting(
        1.0,
        "sbpa without weights of its own: the KL of a layer counts as much as (the MACs that one of its units "
        "owns) to this power; 0 is the plain bound, 1 prunes in proportion to cost.",
        ge=0,
        le=1,
    )


class WeightsConfig(MethodConfig):
    """SBP's noise on single weights: nothing to set."""

    on_weights: ClassVar[bool] = True
    titles: ClassVar[Mapping[str, str]] = {"sbp-weights": "SBP on weights"}
    has_kl: ClassVar[bool] = True

    name: Literal["sbp-weights"] = setting("sbp-weights", METHOD_HELP)


class OriginalConfig(MethodConfig):
    """Weight decay alone: nothing to set."""

    titles: ClassVar[Mapping[str, str]] = {"original": "Original"}

    name: Literal["original"] = setting("original", METHOD_HELP)


class DropoutConfig(MethodConfig):
    """Noise that is not learned."""

    titles: ClassVar[Mapping[str, str]] = {"binary-dropout": "Binary dropout", "gaussian-dropout": "Gaussian dropout"}

    name: Literal["binary-dropout", "gaussian-dropout"] = setting("binary-dropout", METHOD_HELP)
    dropout: float = setting(
        0.5,
        "binary-dropout: the share of hidden dense neurons dropped. gaussian-dropout: their noise is "
        "N(1, p/(1 - p)) with this p.",
        ge=0,
        lt=1,
    )


class SparseVDConfig(MethodConfig):
    """Gaussian noise on single weights, learned: nothing to set."""

    on_weights: ClassVar[bool] = True
    titles: ClassVar[Mapping[str, str]] = {"sparse-vd": "SparseVD"}
    has_kl: ClassVar[bool] = True

    name: Literal["sparse-vd"] = setting("sparse-vd", METHOD_HELP)


class SSLConfig(MethodConfig):
    """Group lasso."""

    on_weights: ClassVar[bool] = True
    titles: ClassVar[Mapping[str, str]] = {"ssl": "SSL"}

    name: Literal["ssl"] = setting("ssl", METHOD_HELP)
    group_penalty: float = setting(
        0.0, "lambda of ssl, the factor on the sum of the Euclidean norms of the weights of each group.", "nats", ge=0
    )


class TorchPruningConfig(MethodConfig):
    """Pruned once, by a pruner of the package Torch-Pruning, when fine-tuning begins."""

    titles: ClassVar[Mapping[str, str]] = {"torch-pruning": "Torch-Pruning"}

    name: Literal["torch-pruning"] = setting("torch-pruning", METHOD_HELP)
    criterion: str = setting(
        "magnitude",
        "What units are ranked by: the norm of what makes them; Taylor's estimate of what the loss loses; or the norm "
        "of all weights that leave with them, after the main phase has shrunk the small ones.",
        choices=("magnitude", "taylor", "group-norm"),
    )
    kept_macs: float = setting(0.5, "The share of the MACs that stays.", gt=0, le=1)
    uniform: bool = setting(
        False, "Each group loses the same share of its units; else all channels and neurons are ranked as one."
    )
    group_decay: float = setting(5e-4, "lambda of group-norm, by which groups decay in the main phase.", ge=0)


# Names in the order in which they are shown.
METHODS = ("sbp", "sbpa", "sbp-fixed-mu", *(n for n in METHOD_CONFIGS if n not in ("sbp", "sbpa", "sbp-fixed-mu")))
# With a mu and a log sigma for every unit.
NOISE_METHODS = tuple(name for name in METHODS if METHOD_CONFIGS[name].has_noise)
# With a KL divergence in the objective.
KL_METHODS = tuple(name for name in METHODS if METHOD_CONFIGS[name].has_kl)


def method_title(name: str) -> str:
    """What pages and tables call a method; its name where it has no title.

    >>> method_title("sparse-vd"), method_title("my-own")
    ('SparseVD', 'my-own')
    """
    return METHOD_CONFIGS[name].titles.get(name, name) if name in METHOD_CONFIGS else name
