"""Masked and compact: the same function, with zeros in place and without them."""

from sbp.compaction.compact import compact, masked, masks_of

__all__ = ["compact", "masked", "masks_of"]
