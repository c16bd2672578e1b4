"""The SBP layer: multiplies each unit by a noise theta that learns whether the unit carries anything."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sbp.distributions import TruncatedLogNormal, moments
from sbp.distributions.fast import sample_theta

# mu may leave [a, b] by this much and log sigma may move in this range: where every formula is tested, and wide
# enough that its ends make no difference (at log sigma = 5 a unit on [-20, 0] is the prior to four digits).
LOC_MARGIN = 5.0
LOG_SCALE_RANGE = (-8.0, 5.0)


class SBPLayer(nn.Module):
    """Multiplies unit i of each object by theta_i ~ LogN_[a,b](mu_i, sigma_i^2), drawn anew for every object (eq. 15).

    y = x * theta in training; y = x * E[theta] * keep in eval, where keep = SNR(theta) >= threshold. To be placed
    after the activation, so that a removed unit emits exactly 0 and can be cut out without changing anything else.

    units: how many theta an object has. axis: which axis of the input counts the units (1: channels or flat
    features; the objects are axis 0); every other axis shares theta (eq. 21). groups: instead of an axis, an integer
    tensor that says for each element of an object which unit it belongs to (any fixed pattern of sharing, section
    4.5); its shape is the object's shape, or broadcasts to it from the right.

    Parameters: `loc` [units] is mu and `log_scale` [units] is log sigma, both in nats.
    Raises ValueError when the input's unit axis does not have `units` entries, or groups names a unit that is not
    there.

    >>> layer = SBPLayer(3)
    >>> layer(torch.ones(2, 3, 4, 4)).shape
    torch.Size([2, 3, 4, 4])
    >>> layer.eval()(torch.ones(1, 3)).detach().mean() < 1
    tensor(True)
    """

    groups: Tensor | None
    fixed_keep: Tensor | None
    places: Tensor | None

    def __init__(
        self,
        units: int,
        axis: int = 1,
        groups: Tensor | None = None,
        log_low: float = -20.0,
        log_high: float = 0.0,
        init_loc: float = 0.0,
        init_log_scale: float = -5.0,
        threshold: float = 1.0,
    ) -> None:
        super().__init__()
        if groups is not None and (groups.is_floating_point() or groups.min() < 0 or groups.max() >= units):
            raise ValueError(f"groups: expected whole numbers from 0 to {units - 1}, one unit an element of an object.")
        self.units, self.axis, self.threshold = units, axis, threshold
        self.log_low, self.log_high = float(log_low), float(log_high)
        self.loc = nn.Parameter(torch.full((units,), float(init_loc)))
        self.log_scale = nn.Parameter(torch.full((units,), float(init_log_scale)))
        self.register_buffer("groups", groups, persistent=False)
        # What stays when it is decided elsewhere (by hand, by another criterion), bool [units]; None: by the SNR.
        self.register_buffer("fixed_keep", None, persistent=False)
        # Of its units among those that come in, int64 [units], where others have been cut out (shrinking); None: all.
        self.register_buffer("places", None, persistent=False)
        self.drawn: Tensor | None = None  # theta for the next forward pass, drawn elsewhere
        self.held: Tensor | None = None  # E[theta] * keep while many batches are evaluated (evaluation.means_held)
        self.active = True  # False: the identity, as while pretraining

    def forward(self, x: Tensor) -> Tensor:
        """theta * x, of x's shape: a fresh theta an object in training, E[theta] * keep in eval."""
        if self.places is not None:
            x = x.index_select(self.axis, self.places)
        if not self.active:
            return x
        if self.training:
            theta = self.draw(len(x)) if self.drawn is None else self.drawn
        else:
            theta = (self.expected_theta() if self.held is None else self.held)[None]
        # In x's precision: a theta in float32 would make float32 of every map of a network that computes in bf16.
        return x * self._spread(theta, x).to(x.dtype)

    def draw(self, objects: int, generator: torch.Generator | None = None) -> Tensor:
        """theta ~ q, [objects, units], with a live gradient in loc and log_scale (eq. 18)."""
        loc, scale = self.in_box()
        return sample_theta(loc, scale, loc.new_tensor(self.log_low), loc.new_tensor(self.log_high), objects, generator)

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
        """E[theta_i] / sqrt(Var[theta_i]) of every unit, [units], without gradient."""
        with torch.no_grad():
            return self.distribution().snr

    @property
    def keep(self) -> Tensor:
        """Which units stay, bool [units]: `fixed_keep` where it is set, else SNR >= threshold.

        >>> layer = SBPLayer(3)
        >>> layer.fixed_keep = torch.tensor([True, False, True])
        >>> layer.keep.tolist()
        [True, False, True]
        """
        return self.snr() >= self.threshold if self.fixed_keep is None else self.fixed_keep

    def keep_only(self, keep: Tensor) -> None:
        """Decides from outside which units stay, bool [units]."""
        self.fixed_keep = keep.to(self.loc.device)

    def mean_theta(self) -> Tensor:
        """E[theta_i] of every unit, kept or not, [units], without gradient (eq. 20)."""
        with torch.no_grad():
            return self.distribution().mean

    def expected_theta(self) -> Tensor:
        """E[theta_i] * keep_i, [units]: what stands for the noise once training is over."""
        return self.mean_theta() * self.keep

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
        loc = self.loc.clamp(self.log_low - LOC_MARGIN, self.log_high + LOC_MARGIN)
        return loc, torch.exp(self.log_scale.clamp(*LOG_SCALE_RANGE))

    def _spread(self, theta: Tensor, x: Tensor) -> Tensor:
        """theta [objects or 1, units] in a shape that multiplies x."""
        return spread(theta, x, self.axis) if self.groups is None else theta[:, self.groups]


def spread(theta: Tensor, x: Tensor, axis: int = 1) -> Tensor:
    """theta [objects or 1, units] in a shape that multiplies x, whose `axis` counts the units.

    Raises ValueError when that axis has another number of entries.

    >>> spread(torch.ones(1, 3), torch.ones(2, 3, 4, 4)).shape
    torch.Size([1, 3, 1, 1])
    """
    units = theta.shape[1]
    if x.dim() <= axis or x.shape[axis] != units:
        raise ValueError(
            f"Expected an input with {units} units on axis {axis}, got shape {tuple(x.shape)}; "
            "name the axis that counts the units, or give groups."
        )
    shape = [1] * x.dim()
    shape[0], shape[axis] = len(theta), units
    return theta.view(shape)
