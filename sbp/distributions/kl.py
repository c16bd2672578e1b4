"""KL(q || p) between the truncated log-normal and the log-uniform, registered with torch.distributions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions.kl import register_kl

from sbp.distributions import moments
from sbp.distributions.log_uniform import LogUniform
from sbp.distributions.truncated_log_normal import TruncatedLogNormal


@register_kl(TruncatedLogNormal, LogUniform)
def kl_truncated_log_normal_log_uniform(q: TruncatedLogNormal, p: LogUniform) -> Tensor:
    """KL(q || p) = log(b_p - a_p) - H_q[log theta], in nats (eq. 17); infinite where p does not cover q.

    On one and the same interval it is never negative and goes to 0 as sigma grows.

    >>> q, p = TruncatedLogNormal(0.0, 1.0), LogUniform(-20.0, 0.0)
    >>> round(torch.distributions.kl_divergence(q, p).item(), 4)
    2.2699
    """
    loc, scale, low, high = q._precise()
    p_low, p_high = p.log_low.to(loc.dtype), p.log_high.to(loc.dtype)
    wider = torch.log((p_high - p_low) / (high - low))
    value = moments.kl_to_log_uniform(loc, scale, low, high) + wider
    # Equal ends may come rounded to different dtypes.
    slack = max(torch.finfo(q.loc.dtype).eps, torch.finfo(p.log_low.dtype).eps) * torch.maximum(low.abs(), high.abs())
    covered = (p_low <= low + slack) & (high <= p_high + slack)
    return torch.where(covered, value, torch.full_like(value, torch.inf)).to(q.loc.dtype)
