"""Names to methods: the one place where a run's word becomes what it is trained with."""

from __future__ import annotations

from sbp.methods.base import Method
from sbp.methods.dropout import BinaryDropout, GaussianDropout, Original
from sbp.methods.sbp import SBP, SBPFixedMu
from sbp.methods.sparse_vd import SparseVD
from sbp.methods.ssl import SSL
from sbp.methods.torch_pruning import TorchPruning
from sbp.methods.weights import SBPWeights
from sbp.spec import MethodConfig, NetworkConfig, NoiseConfig

METHOD_CLASSES: dict[str, type[Method]] = {
    "sbp": SBP,
    "sbpa": SBP,
    "sbp-fixed-mu": SBPFixedMu,
    "sbp-weights": SBPWeights,
    "original": Original,
    "binary-dropout": BinaryDropout,
    "gaussian-dropout": GaussianDropout,
    "sparse-vd": SparseVD,
    "ssl": SSL,
    "torch-pruning": TorchPruning,
}


def method_for(settings: MethodConfig, network: NetworkConfig, noise: NoiseConfig) -> Method:
    """What a run is trained with.

    >>> from sbp.spec import SSLConfig
    >>> type(method_for(SSLConfig(), NetworkConfig(), NoiseConfig())).__name__
    'SSL'
    """
    return METHOD_CLASSES[settings.name](settings, network, noise)
