"""Pixels: which input pixels a network prunes: a digit, the SNR map, the kept pixels, and the prediction."""

from pages.pixels import gradients
from pages.pixels import live as pixels_live
from pages.shared import film, frame, run_picker

frame.header("Pixels", "Which input pixels get pruned?", "SNR", "theta", "compact network")

run = run_picker.pick(
    film.followable,
    "No run has pictures yet, not even a recorded one. Start one on the page Train: its pixels show here from its "
    "first epoch on.",
    ":material/apps:",
)
if run is not None:
    pixels_live.show(run.id)
    if film.has_film(run) and pixels_live.explains(run):
        gradients.show(run.id)
