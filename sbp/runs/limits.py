"""What the owner of a server allows: sizes of runs, the queue, and what visitors may do. No torch.

One TOML file says it: the one that $SBP_LIMITS names, else `sbp.toml` in the folder of the runs. Without a file the
ceilings below hold, which no sensible run comes near. A file that cannot be read allows nothing.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Strict

from sbp.runs.roots import runs_root
from sbp.spec import ConfigError, RunConfig
from sbp.spec.images import IMAGES
from sbp.spec.networks import SPECS
from sbp.spec.section import Section, setting

FILE = "sbp.toml"


class Limits(Section):
    """The largest runs, the longest queue, and who may do more than watch.

    >>> Limits(epochs=20).check(RunConfig.flat(epochs=30))
    Traceback (most recent call last):
    sbp.spec.errors.ConfigError: epochs (schedule.epochs): expected at most 20 in all on this server, got 30.
    """

    section: ClassVar[str] = "limits"

    queue: int = setting(1_000, "Runs that wait, the next one to start among them.", "runs", ge=1, le=1_000)
    parallel: int = setting(
        0, "Trainings at once on a device; $SBP_PARALLEL may ask for fewer. 0 leaves it to that.", ge=0, le=1_000
    )
    epochs: int = setting(1_000_000, "Epochs of a run, all phases together.", "epochs", ge=1, le=1_000_000)
    width: int = setting(10_000, "Units of its widest hidden layer.", "units", ge=1, le=10_000)
    batch_size: int = setting(100_000, "Examples per step.", "examples", ge=1, le=100_000)
    train_size: int = setting(1_000_000, "Training images.", "images", ge=1, le=1_000_000)
    read_only: bool = setting(False, "Anyone who opens the app may watch, but change nothing.")
    owners: Annotated[tuple[str, ...], Strict(False)] = setting(
        (), "E-mail addresses of those who may change things all the same, once they have signed in."
    )

    def check(self, config: RunConfig) -> None:
        """Raises `ConfigError` for a run that is larger than is allowed here.

        A `train_size` of 0 counts as all images of the data set, empty widths as the network's own.
        """
        network, data, schedule = config.network, config.data, config.schedule
        own = SPECS[network.name].widths if network.name in SPECS else ()
        published = IMAGES[data.dataset].train if data.dataset in IMAGES else 0
        asked = (
            ("schedule.epochs", " in all", schedule.pretrain_epochs + schedule.last_epoch, self.epochs),
            ("network.widths", " units a layer", max(network.widths or own, default=0), self.width),
            ("optimisation.batch_size", "", config.optimisation.batch_size, self.batch_size),
            ("data.train_size", " images", data.train_size or published, self.train_size),
        )
        for path, what, got, most in asked:
            if got > most:
                raise ConfigError.of(path, f"expected at most {most:,}{what} on this server, got {got:,}.")


def read_limits(root: Path | None = None) -> Limits:
    """What is allowed for the runs of a folder.

    Args:
        root: the folder, by default `runs_root()`.

    Raises:
        ConfigError: the file cannot be read, or says something that it cannot say.
    """
    named = os.environ.get("SBP_LIMITS", "").strip()
    path = Path(named).expanduser() if named else (root or runs_root()) / FILE
    if not named and not os.path.lexists(path):
        return Limits()
    try:
        return Limits(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} says which runs are allowed here, and cannot be read: {error} Until its owner corrects it, "
            "nothing is started."
        ) from None
