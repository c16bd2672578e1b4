"""Channels: which units of a layer are pruned, and when: heatmap, units kept, cells of an epoch, one unit's path."""

from pages.channels import live as channels_live
from pages.shared import film, frame, run_picker

frame.header("Channels", "Which units are pruned, and when?", "unit", "group", "SNR", "kept", "mu and sigma")

run = run_picker.pick(
    film.followable,
    "No run has pictures yet, not even a recorded one. Start one on the page Train: its channels show here "
    "from its first epoch on.",
    ":material/grid_on:",
)
if run is not None:
    channels_live.show(run.id)
