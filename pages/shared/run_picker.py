"""Which run a page shows: from the link, from what was shown before, else the newest there is; recorded runs last."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable

import streamlit as st

from pages.shared.outside import md, quoted
from pages.shared.together import together
from sbp.experiments.plans import PLANS
from sbp.runs import store
from sbp.runs.roots import runs_root
from sbp.runs.states import State
from sbp.runs.store import RunView
from sbp.spec import RunConfig
from sbp.spec.method import method_title
from sbp.spec.presets import PRESETS
from sbp.viz import labels

Suits = Callable[[RunView], bool]

USUAL = ("sbp", "sbpa")  # methods that a list does not name


def _in_words(title: str, network: str) -> str:
    """The title of a preset without what `labels.run_title` says already."""
    return title.removeprefix(labels.NETWORK[network]).removeprefix("Random labels").lstrip(", ")


# What a recipe is called and what it sets, by network and preset: rows of the experiments' tables, and the presets.
RECIPES: dict[tuple[str, str], tuple[str, RunConfig]] = {
    (row.network, row.recipe.preset): (row.label, row.recipe) for plan in PLANS.values() for row in plan.rows
} | {(network, key): (_in_words(it.title, network), it.config) for (network, key), it in PRESETS.items()}

# Icon and colour of a run's state.
BADGES = {
    State.QUEUED: ("hourglass_empty", "gray"),
    State.STARTING: ("downloading", "blue"),
    State.RUNNING: ("play_circle", "blue"),
    State.STOPPING: ("pause_circle", "orange"),
    State.FINISHED: ("check_circle", "green"),
    State.STOPPED: ("stop_circle", "gray"),
    State.FAILED: ("error", "red"),
    State.DIVERGED: ("trending_up", "red"),
    State.LOST: ("link_off", "orange"),
}


def badge(run: RunView) -> None:
    """The state of a run as a badge: recorded, or where it is in its life, or that it cannot be read."""
    if run.problem:
        st.badge("unreadable", icon=":material/broken_image:", color="red", help="A file of its folder is damaged.")
    elif run.recorded:
        st.badge("recorded", icon=":material/movie:", color="violet", help="A real run that ships with the app.")
    else:
        icon, colour = BADGES[run.state]
        # The sentence of a state says how a run is resumed, which those of our own worker alone can be.
        help = md(run.message) if run.config.tracked else run.state.sentence
        st.badge(str(run.state), icon=f":material/{icon}:", color=colour, help=help)  # type: ignore[arg-type]


def label(run: RunView) -> str:
    """A run in one line of a list: what, how, which state, when; of one that cannot be read, its id."""
    if run.problem:
        return f"{'Recorded: ' if run.recorded else ''}{run.id} · cannot be read"
    if run.recorded:
        return f"Recorded: {name(run)}"
    return f"{name(run)} · {run.state} · {moment_of(run)}"


def name(run: RunView) -> str:
    """What a run is, in words: network, data set, recipe, and the method where that does not name it."""
    method, network, preset = run.config.method.name, run.config.network.name, run.config.preset
    how = "" if method in USUAL else method_title(method)
    recipe = RECIPES.get((network, preset))
    told = recipe[0] if recipe else "" if preset in ("custom", network) else preset
    said = ", ".join(filter(None, [labels.run_title(run), how, told])).split(", ")
    return ", ".join(dict.fromkeys(said))  # recipes that are called after their method say it once


def moment_of(run: RunView) -> str:
    """When a run was made, as its id has it: "23 Nov, 14:05"."""
    return time.strftime("%-d %b, %H:%M", time.localtime(run.created)) if run.created else run.id


def remembered() -> str:
    """The run asked for by the link, else the one shown last in this session; empty for neither."""
    return str(st.query_params.get("run") or st.session_state.get("run-shown") or "")


def remember(run_id: str) -> None:
    """Puts the run into the link and into the session, so that every page shows the same one."""
    st.session_state["run-shown"] = run_id
    if st.query_params.get("run") != run_id:
        st.query_params["run"] = run_id


def newest(runs: list[RunView]) -> RunView | None:
    """What to show unasked: a run in progress, else the newest live one, else the most typical recorded run; one that
    cannot be read only where there is no other."""
    runs = [run for run in runs if not run.problem] or runs
    live = [run for run in runs if not run.recorded]
    if live or not runs:
        return next((run for run in live if run.state.active), live[0] if live else None)
    return min(runs, key=atypical)


def atypical(run: RunView) -> tuple[float, ...]:
    """Sorts recorded runs, the most typical of the method first: those of a preset, on true labels, and of them those
    that every page can show, with the network's weights, the smallest network first."""
    if run.problem:
        return (True,) * 6
    config = run.config
    no_preset = (config.network.name, config.preset) not in PRESETS
    digits, no_weights = config.data.dataset == "digits", run.model_path is None
    size = run.description.dense_macs()
    return not config.has_noise, config.data.random_share, no_preset, digits, no_weights, size


def suitable(suits: Suits | None = None) -> list[RunView]:
    """The runs that a page can show, newest first, recorded runs last."""
    runs, asked = store.newest_runs(), remembered()
    if asked not in {run.id for run in runs}:
        with contextlib.suppress(store.UnknownRun):  # an older one, which the link names
            runs.append(store.open_run(asked))
    return [run for run in runs if suits is None or suits(run)]


def choose(suits: Suits | None = None) -> tuple[RunView | None, list[str]]:
    """The run to show, put into the link, and a sentence where the one asked for is not here or not for this page; None
    where there is no run to show."""
    runs = suitable(suits)
    wanted = remembered()
    chosen = next((run for run in runs if run.id == wanted), None) or newest(runs)
    instead = f" Shown instead: {md(label(chosen))}." if chosen else ""
    complaints = []
    if wanted and (chosen is None or chosen.id != wanted):
        other = next((run for run in suitable() if run.id == wanted), None)
        if other is not None and other.problem:
            complaints.append(f"{md(other.id)} cannot be read: {md(other.problem)}{instead}")
        elif other is not None and not other.config.has_noise:
            complaints.append(f"{without_noise(other)}{instead}")
        elif other is not None:
            complaints.append(f"{md(label(other))} ended before its first epoch, so it has no pictures.{instead}")
        elif st.query_params.get("run"):
            complaints.append(f"The link names the run {quoted(wanted, 40)}, which cannot be found.{instead}")
    if chosen is not None:
        remember(chosen.id)
    return chosen, complaints


def pick(suits: Suits, without: str, icon: str) -> RunView | None:
    """The run that a page about noise shows, with what is to be said of the one asked for, and the way to that one.

    without: what is said where there is no run at all.
    """
    asked = remembered()
    run, complaints = choose(suits)
    if complaints:
        st.warning("  \n".join(complaints), icon=":material/link_off:")
    if complaints and asked in {other.id for other in suitable()}:
        st.page_link(
            "train/page.py",
            label="Its curves, on the page Train",
            icon=":material/model_training:",
            query_params={"run": asked},
        )
    if run is None:
        st.info(without, icon=icon)
        st.page_link("train/page.py", label="Go to Train", icon=":material/model_training:")
    return run


def line(run: RunView, suits: Suits) -> None:
    """The list of runs and the state of the one shown, side by side in the container that is open."""
    chooser(run.id, suits, trains(run))
    badge(run)


def trains(run: RunView) -> bool:
    """Whether a run of one's own is in progress."""
    return run.state.active and not run.recorded


def sound(run_id: str) -> RunView | None:
    """The run of that id, None where there is none that can be relied on."""
    try:
        return store.open_run(run_id).sound()
    except (store.UnknownRun, store.BadRequest):
        return None


def without_noise(run: RunView) -> str:
    """Why a page about mu and sigma cannot show this run."""
    return (
        f"{md(label(run))} was trained with {method_title(run.config.method.name)}, which gives units no mu and sigma: "
        "this page cannot show it."
    )


def chooser(shown: str, suits: Suits | None = None, live: bool = False) -> None:
    """The list of runs with the one shown; another choice goes into the link and runs the whole page again.

    live: whether the list is drawn every second, so that the one that all sessions share will do.
    """
    if st.session_state.get("run-shown", shown) != shown:
        st.rerun()
    by_id: dict[str, str] = {}
    if live:
        by_id = together(("runs", runs_root(), suits), lambda: titles(list(filter(suits, store.newest_runs()))))
    if shown not in by_id:  # it was made since, or is an older one
        by_id = titles(suitable(suits))
    key = f"run-choice-{shown}"  # each run has its own key, so a late choice is never applied to another run
    st.session_state[key] = shown
    st.selectbox(
        "Run",
        list(by_id),
        format_func=lambda run_id: by_id.get(run_id, run_id),
        key=key,
        label_visibility="collapsed",
        on_change=_changed,
        args=(key, shown),
        width=440,
    )


def titles(runs: list[RunView]) -> dict[str, str]:
    """A line for each run by id, no two alike: the list sends back the line, and of two alike the first would be taken.

    Recorded runs of one recipe are told apart by their MACs, runs of one minute that differ in their seed by their ids.
    """
    lines = {run.id: label(run) for run in runs}
    alike = Counter(lines.values())
    for run in runs:
        if run.recorded and alike[lines[run.id]] > 1 and (reduction := (run.result or {}).get("macs_reduction")):
            lines[run.id] += f", {reduction:.2f}× fewer MACs"
    alike = Counter(lines.values())
    return {run_id: line if alike[line] == 1 else f"{line} · {run_id}" for run_id, line in lines.items()}


def _changed(key: str, shown: str) -> None:
    if st.session_state.get("run-shown") != shown:
        return  # the list of a run that is shown no more: after a start the browser sends its choice once again
    remember(st.session_state[key])
    for name in ("epoch", "unit", "hand"):
        st.query_params.pop(name, None)
