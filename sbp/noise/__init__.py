"""Noise for any network: which units it has, theta where they are read, the KL and the objective."""

from sbp.noise.attach import attach, attach_mask, detach, find_layout
from sbp.noise.install import has_noise, noise_of
from sbp.noise.joint_noise import JointNoise
from sbp.noise.objective import elbo_loss, parameter_groups
from sbp.noise.observe import observe
from sbp.noise.unit_mask import UnitMask
from sbp.spec.layout import Group, Layout, Refusal

__all__ = [
    "Group",
    "JointNoise",
    "Layout",
    "Refusal",
    "UnitMask",
    "attach",
    "attach_mask",
    "detach",
    "elbo_loss",
    "find_layout",
    "has_noise",
    "noise_of",
    "observe",
    "parameter_groups",
]
