"""Page Pixels, below its figure: gradients of the same pixels and units, computed on request.

Captum and torch take seconds to import, so a process of its own computes and leaves the numbers with the run.
"""

from __future__ import annotations

import html
import subprocess
from functools import partial
from typing import Any

import streamlit as st

from pages.pixels.component import no_weights, weights_of
from pages.shared import run_picker, visitors
from pages.shared.figures import figure, labelled, save_buttons
from pages.shared.outside import md
from pages.shared.theme import is_dark
from sbp.runs import launcher
from sbp.runs.attributions import lock_path, log_path
from sbp.runs.files import is_locked
from sbp.runs.reading import read_tail
from sbp.runs.store import BadRequest, RunView
from sbp.spec.layout import Group
from sbp.viz import attribution, labels
from sbp.viz.pixels import data_uri

POLL_SECONDS = 1.0
REFUSED = "gradients-refused"

# The process that was started last for a run, so that its end without a result can be told.
_started: dict[str, subprocess.Popen[bytes]] = {}

_CSS = """<style>
.agree { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 0.75rem 1.25rem; }
.agree figure { margin: 0; } .agree img { width: 100%; image-rendering: pixelated; display: block; border-radius: 3px; }
.agree b { font-weight: 600; } .agree figcaption { font-size: 0.9375rem; line-height: 1.35; padding-top: 0.25rem; }
</style>"""


def show(run_id: str) -> None:
    """The section: figures where they are computed, else a description and a button."""
    st.subheader("Do the gradients agree with the noise?", divider="gray")
    run = run_picker.sound(run_id)  # one that has a problem is told of above
    if run is None:
        return
    working = is_working(run)
    st.fragment(_section, run_every=POLL_SECONDS if working else None)(run_id, working)


def is_working(run: RunView) -> bool:
    """Whether a process computes this run's attributions now, wherever it was started."""
    process = _started.get(run.id)
    return (process is not None and process.poll() is None) or is_locked(lock_path(run))


def _section(run_id: str, working: bool) -> None:
    run = run_picker.sound(run_id)
    if run is None:
        return
    if working != is_working(run):
        st.rerun()
    found = run.attribution()
    if found:
        _figures(run, found)
    elif working:
        said = "Captum is running in a process of its own; the figures will appear here."
        st.markdown(f":material/hourglass_top: {said}")
    elif run.model_path is None:
        st.markdown(f":gray[{no_weights(run)} So there are no gradients.]")
    else:
        st.markdown(
            "Three of Captum’s methods ask which pixels the logits depend on (Integrated Gradients, Saliency, "
            "Occlusion); a fourth, layer conductance, asks the same of every unit. Do they rank them as the SNR does?"
        )
        why = md(visitors.refusal())
        st.button(
            "Compute on 200 test images",
            icon=":material/play_arrow:",
            key="gradients-start",
            on_click=_start,
            args=(run.id,),
            disabled=bool(why),
            help=why or "In a process of its own: 10 s to a minute on a CPU. The result is kept with the run.",
        )
        _say_failure(run)


def _figures(run: RunView, found: dict[str, Any]) -> None:
    dark = is_dark()
    layers = {layer.name: layer for layer in run.layers}
    st.caption(weights_of(run))
    st.html(_CSS + maps_html(found, dark))
    st.markdown(attribution.pixels_sentence(found))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(md(attribution.origin(found)), width="stretch")
        maps = labelled(partial(attribution.maps_chart, found), "Attributions beside the SNR", run)
        save_buttons(maps, f"{run.id}-attribution", "gradients", "The maps")
    _units(run, found, layers)


def _units(run: RunView, found: dict[str, Any], layers: dict[str, Group]) -> None:
    st.markdown("**Conductance of each unit against its SNR**")
    shown = [layers[name] for name in found["units"]]
    for layer, column in zip(shown, st.columns(len(shown), gap="medium"), strict=True):
        with column:
            title, key = labels.layer_title(layer), f"{run.id}-{layer.name}-conductance"
            figure(title, partial(attribution.units_chart, found, layer), key=key, run=run)
    st.markdown(attribution.units_sentence(found, layers))


def maps_html(found: dict[str, Any], dark: bool) -> str:
    """The maps side by side, their words under each."""
    shown = attribution.maps(found, dark)
    figures = "".join(
        f'<figure><img src="{data_uri(rgb)}" alt="{html.escape(title)}, a map of 28 by 28 pixels">'
        f"<figcaption><b>{html.escape(title)}</b><br>{html.escape(caption)}</figcaption></figure>"
        for title, caption, rgb in shown
    )
    return f'<div class="agree" style="max-width: {325 * len(shown)}px">{figures}</div>'


def _start(run_id: str) -> None:
    run = run_picker.sound(run_id)
    if run is None or is_working(run):
        return
    st.session_state.pop(REFUSED, None)
    try:
        visitors.check()
        _started[run_id] = launcher.spawn_command(["attribute", run_id], log_path(run))
    except (BadRequest, OSError) as error:
        st.session_state[REFUSED] = run_id, str(error)


def _say_failure(run: RunView) -> None:
    refused, why = st.session_state.get(REFUSED, ("", ""))
    if refused == run.id:
        st.error(f"It could not be started: {md(why)}", icon=":material/error:")
        return
    process = _started.get(run.id)
    if process is not None and process.poll() not in (None, 0):
        said = read_tail(log_path(run), 3) or "It left no message."
        st.error(f"The last attempt failed. {md(said)}", icon=":material/error:")
