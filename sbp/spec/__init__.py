"""What a run is: plain, validated data. No torch."""

from sbp.spec.checks import fits
from sbp.spec.data import DATASETS, DataConfig
from sbp.spec.errors import ConfigError
from sbp.spec.fields import RunField, find_field, run_fields
from sbp.spec.method import METHOD_CONFIGS, METHODS, NOISE_METHODS, DropoutConfig, MethodConfig, SBPaConfig, SSLConfig
from sbp.spec.network import NetworkConfig
from sbp.spec.noise import NoiseConfig
from sbp.spec.optimisation import OPTIMISERS, PRECISIONS, OptimisationConfig
from sbp.spec.run import DEVICES, RunConfig
from sbp.spec.schedule import ScheduleConfig

__all__ = [
    "DATASETS",
    "DEVICES",
    "METHODS",
    "METHOD_CONFIGS",
    "NOISE_METHODS",
    "OPTIMISERS",
    "PRECISIONS",
    "ConfigError",
    "DataConfig",
    "DropoutConfig",
    "MethodConfig",
    "NetworkConfig",
    "NoiseConfig",
    "OptimisationConfig",
    "RunConfig",
    "RunField",
    "SBPaConfig",
    "SSLConfig",
    "ScheduleConfig",
    "find_field",
    "fits",
    "run_fields",
]
