"""A training loop that is not ours, written as the folder of a run while it trains, so that the app shows it live."""

from sbp.tracking.files import load_noise, save_noise
from sbp.tracking.run import TrackedRun, track

__all__ = ["TrackedRun", "load_noise", "save_noise", "track"]
