# The public API for type checkers and editors; at run time `__init__.py` loads each name when it is first asked for.

from sbp.compaction import compact as compact
from sbp.compaction import masked as masked
from sbp.compaction.load import load_compact as load_compact
from sbp.data.datasets import load as load
from sbp.distributions.log_uniform import LogUniform as LogUniform
from sbp.distributions.truncated_log_normal import TruncatedLogNormal as TruncatedLogNormal
from sbp.methods.weights import DropConnect as DropConnect
from sbp.networks.registry import build as build
from sbp.noise import JointNoise as JointNoise
from sbp.noise import attach as attach
from sbp.noise import detach as detach
from sbp.noise import elbo_loss as elbo_loss
from sbp.noise import observe as observe
from sbp.noise import parameter_groups as parameter_groups
from sbp.noise.sbp_layer import SBPLayer as SBPLayer
from sbp.pruning.diagnosis import diagnose as diagnose
from sbp.spec import ConfigError as ConfigError
from sbp.spec import RunConfig as RunConfig
from sbp.tracking import TrackedRun as TrackedRun
from sbp.tracking import load_noise as load_noise
from sbp.tracking import save_noise as save_noise
from sbp.tracking import track as track
from sbp.training.loop import train as train

__version__: str
