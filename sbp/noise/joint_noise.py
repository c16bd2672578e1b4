"""The noise of all units of a network side by side: mu and log sigma are two parameters, drawn in one call."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sbp.distributions import TruncatedLogNormal, traced
from sbp.distributions.fast import kl_of_units, theta_alone, theta_and_kl
from sbp.noise.unit_mask import UNDECIDED, UnitMask
from sbp.spec.layout import Layout
from sbp.spec.noise import ELEMENT, EXAMPLE, LOC_MARGIN, LOG_SCALE_RANGE, MINIBATCH, SNR_THRESHOLD, THETA_PER

# A number for all units, or one per group by its name.
PerGroup = float | Mapping[str, float]


def in_float64(loc: Tensor, scale: Tensor, low: Tensor | float, high: Tensor | float) -> TruncatedLogNormal:
    """q(theta) in float64: one precision for whatever decides `keep`; on the CPU where the device has none.

    Args:
        loc, scale: mu and sigma, [units], of any floating type.
        low, high: a and b, [units] or numbers.

    Returns:
        q without gradient, batch shape [units].
    """
    device = "cpu" if loc.device.type == "mps" else loc.device
    given = (torch.as_tensor(q, dtype=torch.float64, device=device).detach() for q in (loc, scale, low, high))
    return TruncatedLogNormal(*torch.broadcast_tensors(*given), validate_args=False)


class JointNoise(UnitMask):
    """The noise of all units of a network, at the inputs of every layer that reads them. Made by `sbp.attach`.

        theta_i ~ LogN_[a,b](mu_i, sigma_i^2)
        training:  a layer reads x_i theta_i, with a fresh theta for every example (see theta_per)
        eval:      a layer reads x_i E[theta_i] keep_i,   keep_i = [SNR(theta_i) >= threshold]

    Args:
        layout: the network's units.
        log_low: a, the lower end of log theta, in nats; one number, or one per group by name.
        log_high: b, the upper end, likewise.
        init_loc: mu at initialisation, in nats, likewise.
        init_log_scale: log sigma at initialisation, likewise.
        threshold: the SNR below which a unit is pruned.
        theta_per: what theta is drawn for, "example", "minibatch" or "element".

    Attributes:
        loc: mu, a parameter, [units].
        log_scale: log sigma, a parameter, [units].
        log_low: a, a buffer, [units].
        log_high: b, a buffer, [units].
        threshold: a buffer, [].

    Raises:
        ValueError: a >= b, an end or the threshold is not finite, a name is no group's, or theta cannot be drawn for
            that.

    Reference: Neklyudov et al., NeurIPS 2017, eq. 15-18, 20, 21, section 4.4.

    >>> from sbp.noise.attach import attach
    >>> noise = attach(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), torch.zeros(1, 4))
    >>> noise.loc.shape, [group.name for group in noise.groups], noise.keep_units().tolist()
    (torch.Size([3]), ['0'], [True, True, True])
    """

    log_low: Tensor
    log_high: Tensor
    threshold: Tensor

    def __init__(
        self,
        layout: Layout,
        *,
        log_low: PerGroup = -20.0,
        log_high: PerGroup = 0.0,
        init_loc: PerGroup = 0.0,
        init_log_scale: PerGroup = -5.0,
        threshold: float = SNR_THRESHOLD,
        theta_per: str = EXAMPLE,
    ) -> None:
        super().__init__(layout)
        if theta_per not in THETA_PER:
            raise ValueError(f"theta_per: expected one of {', '.join(THETA_PER)}, got {theta_per!r}.")
        shared = any(rows > 1 for rows in layout.rows.values())
        if theta_per == ELEMENT and (shared or any(len(layout.readers(name)) > 1 for name in layout.names)):
            raise ValueError(
                "theta_per: expected example or minibatch, got element: several layers, or several rows of one, read "
                "the same units here, and an element would have another theta in each."
            )
        self.theta_per = theta_per
        low, high = self._per_unit("log_low", log_low), self._per_unit("log_high", log_high)
        if not (torch.isfinite(low).all() and torch.isfinite(high).all() and (low < high).all()):
            raise ValueError(
                f"log_low, log_high: expected finite a < b for every group, got a = {log_low}, b = {log_high}; "
                "the paper uses a = -20, b = 0."
            )
        if not 0 <= threshold < float("inf"):
            raise ValueError(f"threshold: expected an SNR of at least 0, got {threshold!r}; the method's own is 1.")
        self.loc = nn.Parameter(self._per_unit("init_loc", init_loc))
        self.log_scale = nn.Parameter(self._per_unit("init_log_scale", init_log_scale))
        if not (torch.isfinite(self.loc).all() and torch.isfinite(self.log_scale).all()):
            raise ValueError("init_loc, init_log_scale: expected finite numbers.")
        self.register_buffer("log_low", low)
        self.register_buffer("log_high", high)
        self.register_buffer("threshold", torch.tensor(float(threshold)))
        self.project_()

    def draw(self, examples: int, generator: torch.Generator | None = None) -> Tensor:
        """theta ~ q for every example and unit, [examples, units], differentiable in loc and log_scale (eq. 18)."""
        loc, log_scale = self.in_box()
        low, high = self.log_low.to(loc.dtype), self.log_high.to(loc.dtype)
        examples = self.rows_for(examples)
        if torch.compiler.is_compiling():
            theta = traced.sample_theta(loc, log_scale.exp(), low, high, examples)
        else:
            theta = theta_alone(loc, log_scale, low, high, examples, generator)
        return self._masked(theta)

    def prepare(self, examples: int, generator: torch.Generator | None = None, kl: bool = True) -> None:
        """Draws for the next forward pass beforehand, from a generator of one's own, and the KL of `kl_per_unit` with
        it, in one kernel where there is one; to be followed by `project_` after the optimiser's step.

        Args:
            examples: of the next forward pass.
            generator: the source of the draws; None takes torch's own.
            kl: whether the KL will be asked for.
        """
        examples, self._state.generator = self.rows_for(examples), generator
        loc, log_scale = self._wide()
        parameters = loc, log_scale, self.log_low.to(loc.dtype), self.log_high.to(loc.dtype)
        if kl:
            theta, self._state.kl = theta_and_kl(*parameters, examples, generator)
        else:
            theta = theta_alone(*parameters, examples, generator)
        self.set_next(theta)

    def rows_for(self, examples: int) -> int:
        """Rows of theta that are drawn for a forward pass of so many examples."""
        return 1 if self.theta_per == MINIBATCH else examples

    def draw_units(self, units: Tensor, rows: int) -> Tensor:
        """theta of these units, each drawn by itself, [rows, len(units)]; a unit that is named twice has two draws."""
        loc, log_scale = self.in_box()
        ends = (end.to(loc.dtype) for end in (self.log_low, self.log_high))
        loc, log_scale, low, high = (values.index_select(0, units) for values in (loc, log_scale, *ends))
        theta = theta_alone(loc, log_scale, low, high, rows, self._state.generator)
        return theta * (self.decided.index_select(0, units) != 0) if self.decides else theta

    def draw_once(self, generator: torch.Generator | None = None) -> tuple[Tensor, ...]:
        """One theta of every unit for a whole batch, [units] of each group, and the KL of `kl_per_unit` with it."""
        self.prepare(1, generator)
        theta, self._state.pending = self._state.pending, None
        assert theta is not None
        return theta[0].split(self.layout.sizes)

    def kl_per_unit(self) -> Tensor:
        """KL(q_i || p) of every unit, [units], in nats (eq. 17); differentiable in loc and log_scale."""
        drawn, self._state.kl = self._state.kl, None
        if drawn is not None:
            return drawn
        loc, log_scale = self.in_box()
        return kl_of_units(loc, log_scale.exp(), self.log_low.to(loc.dtype), self.log_high.to(loc.dtype))

    def kl_per_group(self) -> dict[str, Tensor]:
        """The KL of each group, summed over its units, scalars in nats by name."""
        return {name: part.sum() for name, part in self.by_group(self.kl_per_unit()).items()}

    def kl(self) -> Tensor:
        """KL(q || p) summed over all units, a scalar in nats (eq. 16)."""
        return self.kl_per_unit().sum()

    def distribution(self) -> TruncatedLogNormal:
        """q(theta) of every unit, batch shape [units]."""
        loc, log_scale = self.in_box()
        return TruncatedLogNormal(loc, log_scale.exp(), self.log_low, self.log_high, validate_args=False)

    @torch.no_grad()
    def snr(self) -> dict[str, Tensor]:
        """SNR(theta_i) = E[theta_i] / sqrt(Var[theta_i]) of every unit, float64 [units] by group."""
        return self.by_group(self.snr_units())

    @torch.no_grad()
    def snr_units(self) -> Tensor:
        """SNR of every unit of all groups, float64 [units]."""
        return self._exact().snr

    @torch.no_grad()
    def keep_units(self) -> Tensor:
        """Which units stay, bool [units]: what was decided from outside, else SNR >= threshold, judged in float64."""
        by_noise = self.snr_units().to(self.decided.device) >= self.threshold
        return torch.where(self.decided == UNDECIDED, by_noise, self.decided != 0)

    @torch.no_grad()
    def mean_theta(self) -> Tensor:
        """E[theta_i] of every unit, kept or not, float64 [units] (eq. 20)."""
        return self._exact().mean.to(self.decided.device)

    @torch.no_grad()
    def expected_theta(self) -> Tensor:
        """E[theta_i] keep_i of every unit, float64 [units]: what stands for the noise once training is over."""
        return self.mean_theta() * self.keep_units()

    @torch.no_grad()
    def project_(self) -> None:
        """Puts mu back into [a - 5, b + 5] and log sigma into [-8, 5]; after an optimiser's step. Forgets the draws."""
        self._state.kl = self._state.pending = None
        torch.clamp(self.loc, self.log_low - LOC_MARGIN, self.log_high + LOC_MARGIN, out=self.loc.data)
        self.log_scale.clamp_(*LOG_SCALE_RANGE)

    def in_box(self) -> tuple[Tensor, Tensor]:
        """mu and log sigma within the ranges that `project_` keeps them in, in float32 or float64."""
        loc, log_scale = self._wide()
        low, high = (end.to(loc.dtype) for end in (self.log_low, self.log_high))
        return torch.clamp(loc, low - LOC_MARGIN, high + LOC_MARGIN), log_scale.clamp(*LOG_SCALE_RANGE)

    def _wide(self) -> tuple[Tensor, Tensor]:
        """mu and log sigma in a type that can be computed in."""
        loc, log_scale = self.loc, self.log_scale
        return (loc, log_scale) if loc.element_size() >= 4 else (loc.float(), log_scale.float())

    def _exact(self) -> TruncatedLogNormal:
        loc, log_scale = self.in_box()
        return in_float64(loc, log_scale.exp(), self.log_low, self.log_high)

    def _decides(self) -> tuple[Tensor, ...]:
        return self.decided, self.loc, self.log_scale, self.log_low, self.log_high, self.threshold

    def _per_unit(self, name: str, values: PerGroup) -> Tensor:
        names = self.layout.names
        by_group = values if isinstance(values, Mapping) else dict.fromkeys(names, values)
        if set(by_group) != set(names):
            raise ValueError(f"{name}: expected one number for each of {', '.join(names)}, got {dict(by_group)}.")
        return per_unit(self.layout, by_group)


def per_unit(layout: Layout, by_group: Mapping[str, float]) -> Tensor:
    """A number for each group as one for each unit, [units]."""
    parts = [torch.full((group.units,), float(by_group[group.name])) for group in layout.groups]
    return torch.cat(parts) if parts else torch.zeros(0)
