"""The run that asks whether what a run kept needs its weights: its widths, trained from scratch."""

from __future__ import annotations

from collections.abc import Sequence

from sbp.spec.networks import OWN, SPECS, description_of
from sbp.spec.run import RunConfig


def from_scratch(config: RunConfig, kept: Sequence[int]) -> RunConfig | None:
    """A run without noise at the widths that another kept: the same images, batches and rates, as many epochs in all.

    Pixels and single features that were removed come back, since no width says that they are left out.

    Args:
        config: the run's that was pruned.
        kept: units in each of its groups.

    Returns:
        The config; None where widths cannot say what was kept (a network that is no chain of layers, a layer without
        units), or nothing was removed.

    >>> pruned = RunConfig.flat(epochs=20, pretrain_epochs=5, finetune_epochs=3)
    >>> run = from_scratch(pruned, (245, 160, 55))
    >>> run.network.widths, run.method.name, run.schedule.epochs
    ((160, 55), 'original', 28)
    """
    if config.network.name == OWN or not SPECS[config.network.name].is_chain:
        return None
    groups = description_of(config.network).groups
    widths = [
        (count, group.units) for count, group in zip(kept, groups, strict=True) if group.kind in ("channel", "neuron")
    ]
    if not all(count for count, _ in widths) or all(count == units for count, units in widths):
        return None
    schedule = config.schedule
    return config.replace(
        network=config.network.model_copy(update={"widths": tuple(count for count, _ in widths), "pixels": False}),
        method="original",
        epochs=schedule.pretrain_epochs + schedule.last_epoch,
        pretrain_epochs=0,
        finetune_epochs=0,
        kl_warmup=(),
        shrink_after=0,
        distillation=0.0,
        pretrain_dropout=0.0,
        device="auto",
        preset="custom",
    )
