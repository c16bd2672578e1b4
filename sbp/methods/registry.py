"""Names to methods: the one place where a run's word becomes what it is trained with."""

from __future__ import annotations

from sbp.methods.base import Method
from sbp.methods.dropout import BinaryDropout, GaussianDropout, Original
from sbp.methods.sbp import SBP, SBPFixedMu
from sbp.methods.sparse_vd import SparseVD
from sbp.methods.ssl import SSL
from sbp.methods.weights import SBPWeights
from sbp.spec import RunConfig

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
}


def method_for(config: RunConfig) -> Method:
    """What a run is trained with.

    >>> type(method_for(RunConfig.flat(method="ssl"))).__name__
    'SSL'
    """
    return METHOD_CLASSES[config.method.name](config)
