"""Which run is replayed where, its caption, and its pictures."""

from __future__ import annotations

from typing import Any

from pages.shared import run_picker
from pages.shared.figures import download
from pages.shared.player import document, panel
from pages.shared.standalone import HELP
from sbp.runs.filenames import STEP_NOISE
from sbp.runs.states import State
from sbp.runs.store import RunView
from sbp.spec.method import method_title
from sbp.viz import labels

PLAYABLE = 2  # frames that make a film
AREAS = "abcdefghijklmno"  # places for maps in the layouts of page Train


def for_story(runs: list[RunView]) -> RunView | None:
    """The recorded run to tell the story with: LeNet-500-300 where there is one, since its first layer is an image, and
    of its runs one whose first steps were kept, in which most units go."""
    recorded = [run for run in runs if run.recorded]
    finished = [run for run in runs if not run.recorded and run.state is State.FINISHED]
    choices = [run for run in recorded if has_film(run)]
    choices = choices or [run for run in [*finished, *runs] if has_film(run)]
    choices.sort(key=lambda run: (run.config.data.random_labels, not run.has(STEP_NOISE), *run_picker.atypical(run)))
    pictures = [run for run in choices if run.layers and len(run.layers[0].shape) == 2]
    return next(iter([*pictures, *choices]), None)


def has_film(run: RunView) -> bool:
    """Whether a run has at least two snapshots, by the size of its file; one without noise never has, nor one
    that has a problem: nothing is drawn of what cannot be relied on."""
    if run.problem or not run.config.has_noise:
        return False
    row = 4 * (1 + 2 * sum(layer.units for layer in run.layers))
    try:
        return (run.folder / "noise.f32").stat().st_size >= PLAYABLE * row
    except OSError:
        return False


def awaited(run: RunView) -> bool:
    """Whether a run with noise trains and has no film yet: pages about noise stay with it until it has."""
    return run_picker.trains(run) and not run.problem and run.config.has_noise and not has_film(run)


def followable(run: RunView) -> bool:
    """Whether a page about noise can show a run: it has a film, or is about to have one."""
    return has_film(run) or awaited(run)


def has_pictures(run: RunView) -> bool:
    """Whether there is something to draw of a run: noise that has been written, or of a method without, an epoch or a
    first step of its main phase."""
    if run.problem:
        return False
    if run.config.has_noise:
        return bool(len(run.snapshots()))
    phases = {record.phase for record in run.records()} | {record.phase for record in run.step_records()}
    return bool(phases - {"pretrain"})


def watchable(run: RunView) -> bool:
    """Whether there is something to watch: a live run always, a recorded one once it has pictures; one that cannot be
    read shows its problem."""
    return not run.recorded or bool(run.problem) or has_film(run) or (not run.config.has_noise and has_pictures(run))


def picture_layer(run: RunView) -> int:
    """The layer that is an image, else the first."""
    return next((i for i, layer in enumerate(run.layers) if len(layer.shape) == 2), 0)


def train_layout(run: RunView) -> tuple[str, list[dict[str, Any]]]:
    """Layout and pictures of page Train for a run without noise, or with it: a map a noise layer, large for three or
    four, small multiples for more.
    """
    if not run.config.has_noise:
        return "plain", [panel("chart", "kept", 0), panel("network"), panel("bound"), panel("error")]
    maps = [panel("cells", area, i) for i, area in zip(range(len(run.layers)), AREAS, strict=False)]
    layout = "train" if len(maps) <= 3 else "train4" if len(maps) == 4 else "many"
    return layout, [panel("trajectories"), panel("network"), *maps, panel("bound"), panel("error")]


def html_button(run: RunView, key: str) -> None:
    """The button that saves the pictures of page Train as one HTML file, once a run has some and trains no more."""
    if has_pictures(run) and not run_picker.trains(run):
        download("HTML", lambda: document(run, *train_layout(run)), f"{run.id}.html", key=key, help=HELP)


def caption(run: RunView, title: str) -> str:
    """Where a film comes from, in a line: recorded or live, seed, hardware, method."""
    origin = "Recorded run" if run.recorded else "Run"
    meta = run.meta
    method = run.config.method.name
    parts = [f"{origin}: {title}", method_title(method), f"seed {run.config.seed}"]
    if meta.get("hardware"):
        parts.append(str(meta["hardware"]))
    if run.result and run.result.get("test_error_percent") is not None:
        parts.append(labels.error(run.result["test_error_percent"], "test", meta.get("n_test")))
        if run.result.get("macs_reduction"):
            parts.append(f"{run.result['macs_reduction']:.1f}× fewer MACs (multiply-accumulates)")
    return " · ".join(parts)
