"""The SBP layer: multiplies each unit by a noise theta that learns whether the unit carries anything."""

from __future__ import annotations

from math import inf, isfinite
from typing import Any, SupportsIndex

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from sbp.distributions import TruncatedLogNormal, moments, traced
from sbp.distributions.fast import sample_theta
from sbp.noise.eval_factor import EvalFactor
from sbp.noise.joint_noise import in_float64
from sbp.spec.noise import LOC_MARGIN, LOG_SCALE_RANGE, SNR_THRESHOLD


class SBPLayer(EvalFactor):
    """Multiplies every unit of an example by noise that learns whether the unit carries anything.

        theta_i ~ LogN_[a,b](mu_i, sigma_i^2), drawn for every example
        training:  y = x * theta
        eval:      y = x * E[theta] * keep,   keep = SNR(theta) >= threshold

    Place it after the activation: a removed unit then emits exactly 0, and cutting it out changes nothing else.
    Parameters in bfloat16 or float16 are computed with in float32; the output has the input's type. Compilers and
    exporters see E[theta] * keep as a constant in eval. theta has a first derivative only and no rule for `vmap`.

    Args:
        units: how many theta an example has.
        axis: which axis of the input counts the units (1: channels or flat features; -1: the last); the examples are
            axis 0, every other axis shares theta (eq. 21).
        groups: instead of an axis, whole numbers (a tensor, array or list) that say for each element of an example
            which unit it belongs to (any fixed pattern of sharing, section 4.5); of the example's shape, or
            broadcasting to it from the right.
        log_low: a, the lower end of log theta, in nats.
        log_high: b, the upper end of log theta, in nats.
        init_loc: mu at initialisation, in nats.
        init_log_scale: log sigma at initialisation.
        threshold: the SNR below which a unit is removed.

    Attributes:
        loc: mu, a parameter, [units].
        log_scale: log sigma, a parameter, [units].
        limits: (a, b, threshold), a buffer, [3].
        keep_override: masks set from outside, a buffer, or None.

    Raises:
        ValueError: a < b does not hold, an end or the threshold is not finite, groups are no whole numbers from 0 to
            units - 1; in `forward`, the input's unit axis does not have `units` entries.

    Reference: Neklyudov et al., NeurIPS 2017, eq. 15, 21, section 4.5.

    >>> layer = SBPLayer(3)
    >>> layer(torch.ones(2, 3, 4, 4)).shape
    torch.Size([2, 3, 4, 4])
    >>> layer.eval()(torch.ones(1, 3)).detach().mean() < 1
    tensor(True)
    """

    limits: Tensor
    groups: Tensor | None
    keep_override: Tensor | None

    def __init__(
        self,
        units: int,
        axis: int = 1,
        groups: Any = None,
        log_low: float = -20.0,
        log_high: float = 0.0,
        init_loc: float = 0.0,
        init_log_scale: float = -5.0,
        threshold: float = SNR_THRESHOLD,
    ) -> None:
        if not isinstance(units, SupportsIndex) or units < 1:
            raise ValueError(f"units: expected a whole number of at least 1, got {units!r}.")
        if not isinstance(axis, SupportsIndex) or axis == 0:
            raise ValueError(f"axis: expected a whole number, the axis of the units, got {axis!r}; 0 is the examples'.")
        if not (isfinite(init_loc) and isfinite(init_log_scale)):
            raise ValueError(f"init_loc, init_log_scale: expected finite numbers, got {init_loc} and {init_log_scale}.")
        super().__init__(units)
        self.units, self.axis = units, axis
        self.register_buffer("limits", torch.zeros(3))
        self._limit(log_low, log_high, threshold)
        self.loc = nn.Parameter(torch.full((units,), float(init_loc)))
        self.log_scale = nn.Parameter(torch.full((units,), float(init_log_scale)))
        # Like the axis given at construction, not loaded.
        self.register_buffer("groups", None if groups is None else unit_numbers(groups, units), persistent=False)
        # What stays when it is decided elsewhere (by hand, by another criterion), bool [units]; None: by the SNR.
        self.register_buffer("keep_override", None)
        self._theta: Tensor | None = None  # theta for the next forward pass, drawn elsewhere
        self.noise_enabled = True  # False: the identity, as while pretraining

    @property
    def log_low(self) -> float:
        """a, the lower end of log theta, in nats."""
        return self._limits[0]

    @log_low.setter
    def log_low(self, value: float) -> None:
        self._limit(value, self.log_high, self.threshold)

    @property
    def log_high(self) -> float:
        """b, the upper end of log theta, in nats."""
        return self._limits[1]

    @log_high.setter
    def log_high(self, value: float) -> None:
        self._limit(self.log_low, value, self.threshold)

    @property
    def threshold(self) -> float:
        """The SNR below which a unit is removed."""
        return self._limits[2]

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._limit(self.log_low, self.log_high, value)

    def _limit(self, log_low: float, log_high: float, threshold: float) -> None:
        """Writes a, b and the threshold both where they are saved and where no device is asked for them."""
        if not (isfinite(log_low) and isfinite(log_high) and log_low < log_high):
            raise ValueError(
                f"log_low, log_high: expected finite a < b, got a = {log_low}, b = {log_high}; "
                "the paper uses a = -20, b = 0."
            )
        if not 0 <= threshold < inf:
            raise ValueError(f"threshold: expected an SNR of at least 0, got {threshold!r}; the method's own is 1.")
        self._limits = float(log_low), float(log_high), float(threshold)
        with torch.no_grad():
            self.limits.copy_(torch.tensor(self._limits))

    def forward(self, x: Tensor) -> Tensor:
        """theta * x, of x's shape: a fresh theta an example in training, E[theta] * keep in eval."""
        if isinstance(x, torch.fx.Proxy):
            return self._traced(x) if self.noise_enabled else x
        if not isinstance(x, Tensor):
            remedy = "unpack it with pad_packed_sequence" if isinstance(x, PackedSequence) else "convert it"
            raise ValueError(f"Expected a tensor, got a {type(x).__name__}; {remedy} first.")
        if not self.noise_enabled:
            return x
        if self.training:
            theta = self.draw(x.shape[0] if x.dim() else 1) if self._theta is None else self._theta
        else:
            theta = self.eval_values()[None]
        # In x's precision: a theta in float32 would make float32 of every map of a network that computes in bf16.
        factor = self._spread(theta, x)
        return x * (factor.to(x.dtype) if x.is_floating_point() else factor)

    def draw(self, examples: int, generator: torch.Generator | None = None) -> Tensor:
        """theta ~ q, [examples, units], with a live gradient in loc and log_scale (eq. 18)."""
        loc, scale = self.in_box()
        low, high = loc.new_tensor(self.log_low), loc.new_tensor(self.log_high)
        if torch.compiler.is_compiling():
            return traced.sample_theta(loc, scale, low.expand_as(loc), high.expand_as(loc), examples)
        return sample_theta(loc, scale, low, high, examples, generator)

    def distribution(self) -> TruncatedLogNormal:
        """q(theta) of every unit, batch shape [units]."""
        return TruncatedLogNormal(*self.in_box(), self.log_low, self.log_high, validate_args=False)

    def kl(self) -> Tensor:
        """KL(q || p) summed over the units, a scalar in nats (eq. 16)."""
        return self.kl_of_units().sum()

    def kl_of_units(self) -> Tensor:
        """KL(q_i || p) of every unit, [units], in nats (eq. 17)."""
        loc, scale = self.in_box()
        return moments.kl_to_log_uniform(loc, scale, loc.new_tensor(self.log_low), loc.new_tensor(self.log_high))

    def snr(self) -> Tensor:
        """E[theta_i] / sqrt(Var[theta_i]) of every unit, float64 [units], without gradient."""
        return in_float64(*self.in_box(), self.log_low, self.log_high).snr

    @property
    def keep(self) -> Tensor:
        """Which units stay, bool [units]: `keep_override` where it is set, else SNR >= threshold.

        >>> layer = SBPLayer(3)
        >>> layer.keep_override = torch.tensor([True, False, True])
        >>> layer.keep.tolist()
        [True, False, True]
        """
        if self.keep_override is not None:
            return self.keep_override
        return self.snr().to(self.loc.device) >= self.threshold

    def keep_only(self, keep: Tensor) -> None:
        """Decides from outside which units stay, bool [units]; raises ValueError for another shape."""
        if keep.shape != self.loc.shape:
            raise ValueError(f"keep: expected shape {list(self.loc.shape)}, one per unit, got {list(keep.shape)}.")
        self.keep_override = keep.to(self.loc.device, torch.bool)
        self._refresh()

    def mean_theta(self) -> Tensor:
        """E[theta_i] of every unit, kept or not, [units], without gradient (eq. 20)."""
        with torch.no_grad():
            return self.distribution().mean

    def expected_theta(self) -> Tensor:
        """E[theta_i] * keep_i, [units]: what stands for the noise once training is over."""
        return self.mean_theta() * self.keep

    def _traced(self, x: Tensor) -> Tensor:
        """In eval, for `torch.fx.symbolic_trace`, to which no shape is known."""
        if self.training:
            raise ValueError("torch.fx can trace an SBPLayer in eval only; call eval() first.")
        factor = self.eval_factor
        if self.groups is not None:
            return x * factor[self.groups].type_as(x)
        return torch.movedim(torch.movedim(x, self.axis, -1) * factor.type_as(x), -1, self.axis)

    def _decides(self) -> tuple[Tensor, ...]:
        keep = () if self.keep_override is None else (self.keep_override,)
        return self.loc, self.log_scale, self.limits, *keep

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        """As torch's; masks come and go with what is loaded, and files that hold no limits leave them as they are."""
        saved = state_dict.get(f"{prefix}keep_override")
        self.keep_override = None if saved is None else torch.ones_like(self.loc, dtype=torch.bool)
        super()._load_from_state_dict({f"{prefix}limits": self.limits, **state_dict}, prefix, *args)
        if f"{prefix}limits" in state_dict:
            self._limit(*self.limits.tolist())
        self._refresh()

    @torch.no_grad()
    def project_(self) -> None:
        """Puts mu back into [a - 5, b + 5] and log sigma into [-8, 5]; to be called after an optimiser's step."""
        self.loc.clamp_(self.log_low - LOC_MARGIN, self.log_high + LOC_MARGIN)
        self.log_scale.clamp_(*LOG_SCALE_RANGE)

    def extra_repr(self) -> str:
        """What `print` shows of the layer."""
        return f"units={self.units}, axis={self.axis}, log_low={self.log_low:g}, log_high={self.log_high:g}"

    def in_box(self) -> tuple[Tensor, Tensor]:
        """mu and sigma, [units] each, within the ranges that `project_` keeps them in."""
        narrow = self.loc.element_size() < 4
        loc, log_scale = (self.loc.float(), self.log_scale.float()) if narrow else (self.loc, self.log_scale)
        loc = loc.clamp(self.log_low - LOC_MARGIN, self.log_high + LOC_MARGIN)
        return loc, torch.exp(log_scale.clamp(*LOG_SCALE_RANGE))

    def _spread(self, theta: Tensor, x: Tensor) -> Tensor:
        """theta [examples or 1, units] in a shape that multiplies x."""
        if self.groups is None:
            return spread(theta, x, self.axis)
        shape = self.groups.shape
        if x.dim() <= len(shape) or any(
            own not in (1, came) for own, came in zip(reversed(shape), reversed(x.shape), strict=False)
        ):
            raise ValueError(
                f"Expected examples of the groups' shape {tuple(shape)}, or that it broadcasts to, got an input of "
                f"shape {tuple(x.shape)}; its axis 0 counts the examples."
            )
        return theta[:, self.groups]


def unit_numbers(groups: Any, units: int) -> Tensor:
    """Which unit each element belongs to, int64; raises ValueError unless it says so for at least one.

    >>> unit_numbers([[0, 1], [1, 1]], 2).shape
    torch.Size([2, 2])
    """
    try:
        numbers = torch.as_tensor(groups)
    except (TypeError, ValueError, RuntimeError):  # ragged, or no numbers at all
        numbers = torch.zeros(0)
    whole = numbers.numel() > 0 and numbers.dtype not in (torch.bool,) and not numbers.is_floating_point()
    if not whole or numbers.min() < 0 or numbers.max() >= units:
        got = str(numbers.dtype) if numbers.numel() else f"{groups!r:.60}"
        if whole:
            got = f"{numbers.min().item()} to {numbers.max().item()}"
        raise ValueError(
            f"groups: expected whole numbers from 0 to {units - 1}, one unit an element of an example, got {got}."
        )
    return numbers.long()  # uint8 would be read as a mask


def spread(theta: Tensor, x: Tensor, axis: int = 1) -> Tensor:
    """theta [examples or 1, units] in a shape that multiplies x, whose `axis` counts the units.

    Raises ValueError when that axis has another number of entries.

    >>> spread(torch.ones(1, 3), torch.ones(2, 3, 4, 4)).shape
    torch.Size([1, 3, 1, 1])
    """
    units = theta.shape[1]
    if not -x.dim() < axis < x.dim() or axis % x.dim() == 0 or x.shape[axis] != units:
        raise ValueError(
            f"Expected an input with {units} units on axis {axis}, got shape {tuple(x.shape)}; "
            "name the axis that counts the units, or give groups."
        )
    shape = [1] * x.dim()
    shape[0], shape[axis] = len(theta), units
    return theta.view(shape)
