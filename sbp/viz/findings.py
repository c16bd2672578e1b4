"""What is wrong with a run, in sentences, from its records and its noise."""

from __future__ import annotations

from math import nan

import numpy as np

from sbp.pruning.diagnosis import Finding, diagnose
from sbp.spec.observation import Observation
from sbp.viz.tables import Run, tables


def findings(run: Run) -> list[Finding]:
    """What `sbp.diagnose` says of a run with noise that has come to its main phase; nothing of any other.

    Batch normalisation is not judged: a run's records hold no error by the images' own means and variances.
    """
    config = run.config
    records = [record for record in run.records() if record.phase == "sbp"]
    n_train = int(run.meta.get("n_train") or 0)
    if not (config.has_noise and records and records[-1].step and n_train):
        return []
    found, units = tables(run), {layer.name: layer.units for layer in run.layers}
    rows = dict(zip(found.epochs.tolist(), range(len(found.epochs)), strict=True))
    # Of any loop: that of a tracked run need not have told its batch size.
    steps_an_epoch = records[-1].step / (config.schedule.pretrain_epochs + records[-1].epoch)

    if steps_an_epoch < 1:
        return []  # its records count no steps

    def log_snr(epoch: int) -> dict[str, tuple[float, float]]:
        if epoch not in rows:
            return {}
        of_units = {name: np.log(np.maximum(snr[rows[epoch]], 1e-30)) for name, snr in found.snr.items()}
        return {name: (float(values.min()), float(values.max())) for name, values in of_units.items()}

    begun = Observation(0, nan, nan, 0.0, records[0].lr, records[0].noise_lr, units, units, log_snr(0))
    seen = [
        Observation(
            step=round(record.epoch * steps_an_epoch),
            nll=record.nll,
            loss=record.loss,
            kl=record.kl_weighted,
            lr=record.lr,
            noise_lr=record.noise_lr,
            units=units,
            kept=dict(zip(units, record.kept, strict=True)),
            log_snr=log_snr(record.epoch),
        )
        for record in records
    ]
    found_wrong = diagnose([begun, *seen], n_train, round(config.schedule.epochs * steps_an_epoch))
    left = dict(zip(units, records[-1].kept, strict=True))

    def is_none(one: Finding) -> bool:
        """Labels that are all random leave the weights nothing to learn: to lose every unit is the answer there. And
        the image may reach the classes past an empty group, by a shortcut."""
        if one.kind == "empty":
            return run.description.macs(list({**left, one.group: 0}.values())) > 0
        return one.kind == "fast" and config.data.random_share == 1

    return [one for one in found_wrong if not is_none(one)]
