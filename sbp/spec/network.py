"""Which network is trained."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import model_validator

from sbp.spec.networks import OWN, SPECS
from sbp.spec.section import Section, WholeNumbers, setting


class NetworkConfig(Section):
    """The network by name, and its widths.

    >>> NetworkConfig(widths=(50, 30)).name
    'lenet-500-300'
    """

    section: ClassVar[str] = "network"

    name: str = setting("lenet-500-300", "Which network is trained.", choices=tuple(SPECS), unoffered=(OWN,))
    widths: WholeNumbers = setting((), "Hidden widths, first layer first. Empty: the network's own.", "units")

    pixels: bool = setting(
        False, "Every pixel has noise too, shared by its colours, where the network itself gives its input none."
    )

    @model_validator(mode="after")
    def _check_widths(self) -> Any:
        own = () if self.name == OWN else SPECS[self.name].widths
        if self.widths and (len(self.widths) != len(own) or min(self.widths) < 1):
            raise self.wrong(
                "widths",
                f"expected {len(own)} numbers of at least 1 for {self.name}, got {list(self.widths)}; leave it empty "
                f"for {list(own)}.",
            )
        return self
