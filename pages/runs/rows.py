"""Every run as a row: its settings, state, result, and actions."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.runs.compare import MOST, plain
from pages.shared import frame, run_picker, state, visitors
from pages.shared.outside import md
from pages.shared.run_details import downloads
from sbp.runs import launcher, launchers, store
from sbp.runs.states import State
from sbp.runs.store import RunView
from sbp.spec.method import method_title
from sbp.spec.presets import PRESETS
from sbp.viz import labels

SHAPE = [0.4, 4.0, 1.3, 4.0, 3.3]
SHOWN, SHOWN_RECORDED = 12, 6  # rows before a list is folded


def _in_link() -> list[str]:
    return [one for one in state.from_link("runs").get("compare", "").split(",") if one]


def _tick(run_id: str) -> None:
    """A box was ticked, or its tick taken away: the link says which are."""
    others = [one for one in _in_link() if one != run_id]
    now = [*others, run_id] if st.session_state[f"tick-{run_id}"] else others
    state.put("compare", ",".join(now) or None)


def ticked(runs: list[RunView]) -> list[RunView]:
    """Those that the link ticks for comparison, at most four; each that cannot be is told of."""
    ids = _in_link()
    sound = [run for run in runs if not run.problem and run.id in ids][:MOST]
    known, expected = {run.id for run in sound}, f"at most {MOST} runs of this list, with commas between"
    frame.notices([state.wrong("compare", one, expected, "the others") for one in ids if one not in known])
    return sound


def rows(runs: list[RunView], chosen: list[RunView]) -> None:
    """The list; chosen: those that are ticked."""
    own = [run for run in runs if not run.recorded]
    recorded = sorted((run for run in runs if run.recorded), key=run_picker.atypical)
    shown = own if st.session_state.get("runs-all") else own[:SHOWN]
    shown_recorded = recorded if st.session_state.get("runs-recorded") else recorded[:SHOWN_RECORDED]
    for run in [*shown, *shown_recorded]:
        with st.container(border=True, key=f"run-{run.id}"):
            tick, what, where, came_to, verbs = st.columns(SHAPE, vertical_alignment="center", gap="small")
            st.session_state[f"tick-{run.id}"] = run in chosen
            tick.checkbox(
                f"Compare {run.id}",
                key=f"tick-{run.id}",
                label_visibility="collapsed",
                on_change=_tick,
                args=(run.id,),
                disabled=bool(run.problem) or (len(chosen) >= MOST and run not in chosen),
                help="It cannot be read." if run.problem else "Tick two to four runs to compare them.",
            )
            with what:
                st.markdown(f"**{_title(run)}**  \n:gray[{summary_of(run)}]")
            with where:
                run_picker.badge(run)
            with came_to:
                _outcome(run)
            with verbs:
                _verbs(run)
    if len(own) > SHOWN:
        st.toggle(f"Show all {len(own)} runs of your own", key="runs-all")
    if len(recorded) > SHOWN_RECORDED:
        st.toggle(f"Show all {len(recorded)} recorded runs", key="runs-recorded")


def _title(run: RunView) -> str:
    """What a run is; of one that cannot be read, where it lies."""
    return md(run.id if run.problem else run_picker.name(run))


def summary_of(run: RunView) -> str:
    """What differs from the preset it came from, or from the defaults, and when it was made."""
    if run.problem:
        return "cannot be read"
    config = run.config
    known, preset = (config.network.name, config.preset), None
    if known in run_picker.RECIPES:
        preset = PRESETS[known].on(config.data.dataset) if known in PRESETS else run_picker.RECIPES[known][1]
    changed = []
    if preset is None:
        settings = config.optimisation
        changed = [
            f"{config.schedule.epochs} epochs",
            "" if config.tracked else f"batch {settings.batch_size}",
            f"noise lr {settings.noise_lr:g}" if config.has_noise else f"lr {settings.lr:g}",
        ]
    else:
        for name in ("epochs", "batch_size", "lr", "noise_lr", "kl_weights", "seed", "train_size"):
            if config.value(name) != preset.value(name):
                changed.append(f"{name.replace('_', ' ')} {plain(config.value(name))}")
    how = "own loop" if config.tracked else method_title(config.method.name)
    which = md(run.id) if run.recorded else run_picker.moment_of(run)
    return " · ".join([md(how), *filter(None, changed), which])


def _outcome(run: RunView) -> None:
    """Progress while it is active, the figures when it has ended, the sentence when something went wrong."""
    if run.problem:
        st.markdown(f":gray[{md(_short(run.problem, 400))}]")
        return
    if run.state.active and not run.recorded:
        progress = run.progress or {}
        step, steps = progress.get("step", 0), progress.get("steps", 0)
        left = progress.get("seconds_left")
        phase = labels.PHASES.get(progress.get("phase", ""), "Epoch")
        text = f"{phase} {progress['epoch']} of {progress['epochs']}" if progress else md(run.message)
        if left is not None:
            text += f" · {labels.duration(left)} left"
        st.progress(min(step / steps, 1.0) if steps else 0.0, text=text)
        return
    if run.state in (State.FAILED, State.DIVERGED, State.LOST):
        st.markdown(f":gray[{md(_short(run.message))}]")
        return
    st.markdown(outcome(run))


def outcome(run: RunView) -> str:
    """The figures of a run in a line of Markdown: error, MACs, kept units."""
    summary = run.summary()
    error, validation = summary["test_error_percent"], summary["validation_error_percent"]
    parts = []
    if error is not None:
        parts.append(f"**{error:.2f} %** {labels.error_kind('test', run.meta.get('n_test'))}")
    elif validation is not None:
        parts.append(f"**{validation:.2f} %** {labels.error_kind('held-out', run.meta.get('n_validation'))}")
    if summary["macs_reduction"]:
        parts.append(f"**{summary['macs_reduction']:.1f}×** fewer MACs")
    kept = f"  \n:gray[{labels.widths_of(run.description, summary['kept'])} kept]" if summary["kept"] else ""
    return (" · ".join(parts) or ":gray[No epoch was completed.]") + kept


def _verbs(run: RunView) -> None:
    with st.container(horizontal=True, gap="xsmall", horizontal_alignment="right", vertical_alignment="center"):
        link = {"run": run.id}
        st.page_link("train/page.py", label="Open", icon=":material/model_training:", query_params=link)
        if not run.problem and run.config.has_noise:
            st.page_link("channels/page.py", label="Channels", icon=":material/grid_on:", query_params=link)
        with st.popover("", icon=":material/more_vert:", help="Stop, resume, export, delete", key=f"more-{run.id}"):
            st.caption(md(run.id))
            if not run.problem:
                downloads(run)
            if run.recorded:
                st.caption("It ships with the app and cannot be deleted.")
                return
            if why := visitors.refusal():
                st.caption(md(why))
                return
            if run.state in (State.QUEUED, State.STARTING, State.RUNNING) or (run.problem and run.alive):
                _verb("Stop", ":material/stop:", launcher.stop, run)
            if run.resumable:
                _verb("Resume", ":material/resume:", launchers.resume, run)
            if st.button(
                "Delete",
                icon=":material/delete:",
                key=f"delete-{run.id}",
                disabled=run.alive,
                help="Stop it first." if run.alive else "Asks for confirmation.",
            ):
                _confirm(run.id, _title(run))


def undo() -> None:
    """The run that was deleted last, and the way back."""
    run_id = st.session_state.get("runs-deleted")
    if run_id is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(f":gray[{md(run_id)} was deleted.]", width="content")
        st.button("Undo", icon=":material/undo:", key="delete-undo", on_click=_undo, args=(run_id,))


def _undo(run_id: str) -> None:
    del st.session_state["runs-deleted"]
    _do(store.undelete, run_id)


def _verb(name: str, icon: str, verb: Callable[[str], object], run: RunView) -> None:
    st.button(name, icon=icon, key=f"{name.lower()}-{run.id}", on_click=_do, args=(verb, run.id))


def _do(verb: Callable[[str], object], run_id: str) -> None:
    try:
        visitors.check()
        verb(run_id)
    except (store.BadRequest, store.UnknownRun, OSError, ValueError) as error:
        st.session_state["runs-said"] = str(error)


@st.dialog("Delete this run?", icon=":material/delete:")
def _confirm(run_id: str, title: str) -> None:
    st.markdown(f"**{title}**  \n:gray[{md(run_id)}]")
    st.markdown("Its numbers, log and network go to the trash, from which they can be brought back.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it", key="delete-no"):
            st.rerun()
        if st.button(
            "Delete it", type="primary", icon=":material/delete:", key="delete-yes", on_click=_delete, args=(run_id,)
        ):
            st.rerun()


def _delete(run_id: str) -> None:
    _do(store.delete, run_id)
    if "runs-said" not in st.session_state:
        st.session_state["runs-deleted"] = run_id
    if st.session_state.get("run-shown") == run_id:
        del st.session_state["run-shown"]


def _short(text: str, most: int = 160) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
