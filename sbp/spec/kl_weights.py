"""How strongly each noise layer's KL counts: the bound that a run trains on. No torch, so a page can say it too."""

from __future__ import annotations

from collections.abc import Iterable

from sbp.spec.method import KL_METHODS, MethodConfig, SBPaConfig
from sbp.spec.network import NetworkConfig
from sbp.spec.networks import description_of

# More weights than this are not listed where all are the same.
LONG = 4


def kl_weights(network: NetworkConfig, method: MethodConfig) -> tuple[float, ...]:
    """The KL weight of each noise layer: 1 (the paper's bound), those given, or, for sbpa without any given, the MACs
    that one unit of the layer owns over the fewest that a unit of any layer owns, to the power `kl_exponent` (section
    5.4's KL scaling has the exponent 1).

    >>> lenet = NetworkConfig(name="lenet-5-caffe")
    >>> kl_weights(lenet, SBPaConfig())
    (188.8, 80.0, 1.0, 1.62)
    >>> [round(weight, 2) for weight in kl_weights(lenet, SBPaConfig(kl_exponent=0.8))]
    [66.19, 33.3, 1.0, 1.47]
    """
    owned = description_of(network).unit_macs()
    if not isinstance(method, SBPaConfig):
        return (1.0,) * len(owned)
    least = min(macs for macs in owned if macs)
    # Pixels that convolutions read own no MACs, and count as in the plain bound.
    return method.kl_weights or tuple((macs / least) ** method.kl_exponent if macs else 1.0 for macs in owned)


def objective_label(
    method: str, kl_weights: Iterable[float], exponent: float | None = None, distillation: float = 0.0
) -> str:
    """Which bound was optimised: "plain", the KL weights of the layers, or "" without a KL.

    exponent: of the MACs that a unit owns, where sbpa's weights were made by it; None where they were given.
    distillation: the share of the data term that a teacher has.

    >>> objective_label("sbpa", (60.0, 60.0, 1.0, 1.6)), objective_label("sbp", (1.0,)), objective_label("ssl", (1.0,))
    ('60, 60, 1, 1.6', 'plain', '')
    >>> objective_label("sbpa", (66.19, 33.3, 1.0, 1.47), 0.8)
    'MACs^0.8'
    >>> objective_label("sbpa", (70.0,) * 12, distillation=0.7)
    '70 each, distilled'
    """
    if method not in KL_METHODS:
        return ""
    weights = tuple(kl_weights)
    if method == "sbpa" and exponent is not None:
        label = f"MACs^{exponent:g}"
    elif set(weights) <= {1.0}:
        label = "plain"
    elif len(set(weights)) == 1 and len(weights) > LONG:
        label = f"{weights[0]:g} each"
    else:
        label = ", ".join(f"{weight:g}" for weight in weights)
    return f"{label}, distilled" if distillation else label
