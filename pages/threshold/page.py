"""Threshold and cost: what a threshold on the SNR keeps and costs, its error, and how fast that runs here."""

from pages.shared import film, frame, run_picker
from pages.threshold import live as threshold_live

frame.header(
    "Threshold and cost", "How small, how fast, at what error?", "SNR", "kept", "MACs", "BMRS", "compact network"
)

run = run_picker.pick(
    film.followable,
    "No run has noise to put a threshold on yet, not even a recorded one. Start one on the page Train: its kept "
    "units and costs show here from its first epoch on.",
    ":material/content_cut:",
)
if run is not None:
    threshold_live.show(run.id)
