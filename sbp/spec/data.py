"""What a network is trained on."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import model_validator

from sbp.spec.images import IMAGES
from sbp.spec.networks import OWN
from sbp.spec.section import Section, setting

DATASETS = tuple(IMAGES)


class DataConfig(Section):
    """The data set, how much of it is used, and what is done to its images and labels.

    >>> DataConfig(dataset="digits").validation_size
    5000
    """

    section: ClassVar[str] = "data"

    dataset: str = setting("mnist", "Which images it is trained on.", choices=DATASETS, unoffered=(OWN,))
    train_size: int = setting(0, "How many training examples are used; 0 means all.", "examples", ge=0)
    validation_size: int = setting(
        5000,
        "How many training examples are held out to monitor the error; the test set is read once, at the end.",
        "examples",
        ge=0,
    )
    augment: bool = setting(
        False,
        "Each training image is flipped left-right or not and shifted by up to 4 pixels, afresh at every step; "
        "only where an image and its mirror image have the same class.",
    )
    cutout: int = setting(
        0,
        "A square with this side, its centre anywhere, is hidden in each augmented image; 0 hides nothing.",
        "pixels",
        ge=0,
    )
    random_labels: bool = setting(False, "Replace every training label by a random one; the test set keeps its own.")
    label_noise: float = setting(
        0.0, "Share of the training labels that are replaced by random ones; the test set keeps its own.", ge=0, le=1
    )

    @property
    def random_share(self) -> float:
        """The share of training labels that are random.

        >>> DataConfig(random_labels=True).random_share, DataConfig(label_noise=0.2).random_share
        (1.0, 0.2)
        """
        return 1.0 if self.random_labels else self.label_noise

    @model_validator(mode="after")
    def _check_augment(self) -> Any:
        if self.augment and not (self.dataset == OWN or IMAGES[self.dataset].mirrors):
            others = ", ".join(name for name, images in IMAGES.items() if images.mirrors)
            raise self.wrong(
                "augment",
                f"expected False with {self.dataset}, whose images change their class when they are flipped; "
                f"it is for {others}.",
            )
        if self.cutout and not self.augment:
            raise self.wrong("cutout", f"expected 0 without augment, whose part it is, got {self.cutout!r}.")
        return self
