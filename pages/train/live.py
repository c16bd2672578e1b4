"""The panel of one run: where it stands, its pictures, stop and resume. Polls while a worker writes, and only then.

Only the panel runs again, once a second; the player in it grows in place, so nothing on the page flickers.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import numpy as np
import streamlit as st

from pages.shared import clock, film, frame, run_picker, standing, visitors
from pages.shared.follow import follow
from pages.shared.outside import md
from pages.shared.player import player
from pages.shared.together import together
from sbp.runs import launcher, launchers, store
from sbp.runs.states import State
from sbp.runs.store import RunView
from sbp.spec.method import method_title
from sbp.viz import labels
from sbp.viz.findings import findings
from sbp.viz.tables import tables

POLL_SECONDS = 1.0
REFUSED = "train-refused"  # by run: why its last wish was refused


def show(run_id: str, *, play: bool, tools: Callable[[RunView], None]) -> None:
    """Shows the panel of a run; `tools` adds buttons of the page to its first line."""
    follow(run_id, lambda run, polling: _panel(run, polling, play, tools), POLL_SECONDS, any_state=True)


def _panel(run: RunView, polling: bool, play: bool, tools: Callable[[RunView], None]) -> None:
    _first_line(run, tools)
    with st.container(
        key="run-words"
    ):  # whatever is said in it, the pictures below keep their place and are not rebuilt
        _words(run)
    if run.problem:
        return
    if film.has_pictures(run):
        now, said = clock.read("train", run.id, tables(run).newest)
        frame.notices(said)
        layout, panels = film.train_layout(run)
        player(run, layout, panels, key=f"player-{run.id}", now=now, play=play and not polling, live=polling)
        if (groups := len(run.layers)) > len(film.AREAS) and run.config.has_noise:
            st.page_link(
                "channels/page.py",
                label=f"Maps of the first {len(film.AREAS)} of {groups} groups: Channels has all of them",
                icon=":material/grid_on:",
                query_params={"run": run.id},
            )
        if not run.recorded and run.meta.get("data_source"):
            st.caption(md(origin(run)))
    else:
        when = "as soon as the network is built" if run.config.has_noise else "after the first steps"
        st.container(height=320, border=True, vertical_alignment="center", horizontal_alignment="center").markdown(
            f":gray[Pictures appear {when}.]", width="content"
        )


def _words(run: RunView) -> None:
    """What is to be said of a run, above its pictures."""
    if refused := st.session_state.get(REFUSED, {}).get(run.id):
        st.error(md(refused), icon=":material/error:")
    if run.problem:
        _trouble(run)
        return
    _standing(run)
    found = together(("findings", run.folder), lambda: findings(run)) if run_picker.trains(run) else findings(run)
    for finding in found:
        st.warning(md(str(finding)), icon=":material/troubleshoot:")
    _trouble(run)
    if not run.config.has_noise:
        st.caption(without_noise(run))


def _first_line(run: RunView, tools: Callable[[RunView], None]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="run-line"):
        run_picker.line(run, film.watchable)
        st.space("stretch")
        why = md(visitors.refusal())
        if (run.state in (State.QUEUED, State.STARTING, State.RUNNING) or run.problem) and run.alive:
            st.button(
                "Stop",
                icon=":material/stop:",
                key="stop",
                on_click=_ask,
                args=(launcher.stop, run.id),
                disabled=bool(why),
                help=why or _stops(run),
            )
        if run.resumable:
            st.button(
                "Resume",
                icon=":material/resume:",
                key="resume",
                type="primary",
                on_click=_ask,
                args=(launchers.resume, run.id),
                disabled=bool(why),
                help=why or "Continues from the last checkpoint.",
            )
        if not run.problem and run.config.has_noise:
            st.page_link("channels/page.py", label="Channels", icon=":material/grid_on:", query_params={"run": run.id})
        tools(run)


def _stops(run: RunView) -> str:
    """What the button Stop does."""
    if not run.problem and run.config.tracked:
        return "Asks the training loop to stop: `run.stop_requested` is true from now on."
    return "Stops at the next step and saves a checkpoint to resume from."


def _standing(run: RunView) -> None:
    """How far a live run is, the time left, when the first unit is pruned; or how a past one ended."""
    if run.recorded or not run.state.active:
        st.markdown(f":gray[{md(ending(run))}]")
        return
    standing.show(run)


def ending(run: RunView) -> str:
    """How a run ended, with its numbers where it has them."""
    if run.recorded:
        return film.caption(run, labels.run_title(run)) + "."
    result = run.result or {}
    if run.state is State.FINISHED and result.get("test_error_percent") is not None:
        kept = labels.widths_of(run.description, result.get("kept") or ())
        return (
            f"Finished after {labels.duration(result.get('seconds'))}: "
            f"{labels.error(result['test_error_percent'], 'test', run.meta.get('n_test'))}, {kept} units kept, "
            f"{_times(result.get('macs_reduction'))}. Trained on {run.meta.get('hardware', run.device)}."
        )
    return run.message if run.state in (State.FINISHED, State.STOPPED) else ""


def without_noise(run: RunView) -> str:
    """What a run of another method shows, and what it cannot."""
    method = method_title(run.config.method.name)
    return (
        f"{method} gives units no mu and sigma, so there is no SNR to follow: shown are the units that it keeps, its "
        "loss and its error."
    )


def origin(run: RunView) -> str:
    """What a run is trained on, and where, in a line."""
    meta = run.meta
    parts = [str(meta["data_source"])]
    if meta.get("n_train"):
        parts.append(f"{meta['n_train']:,} images trained on, {meta.get('n_validation', 0):,} held out.")
    return " ".join([*parts, f"Device {run.device or 'not chosen yet'}: {meta.get('hardware', 'unknown')}."])


def _trouble(run: RunView) -> None:
    """What went wrong, in a sentence, with the worker's last words and one next action."""
    if run.recorded and not run.problem:
        return
    if run.state is State.LOST:
        st.warning(md(run.message), icon=":material/link_off:")
    elif run.state is State.FAILED:
        st.error(md(run.message), icon=":material/error:")
    elif run.state is State.DIVERGED:
        st.error(f"{md(run.message)} The pictures stop at the last good epoch.", icon=":material/trending_up:")
    else:
        return
    if log := run.log_tail(12):
        st.caption("The last lines of its log:")
        st.code(log, language=None, height=min(150, 40 + 20 * (1 + log.count("\n"))))


def _ask(verb: Callable[[str], object], run_id: str) -> None:
    """A button's wish, carried out before the panel is drawn again; a refusal is a sentence until the next wish."""
    st.session_state[REFUSED] = {}
    try:
        visitors.check()
        verb(run_id)
    except (store.BadRequest, store.UnknownRun, OSError, ValueError) as error:
        st.session_state[REFUSED] = {run_id: str(error)}
    if verb is launcher.stop:
        _wait_for(run_id)
    st.session_state["run-shown"] = run_id


def _wait_for(run_id: str, seconds: float = 0.3) -> None:
    """Gives a worker a moment to answer, so that the state shown next is the new one more often than not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(store.UnknownRun):
            if store.open_run(run_id).state.active:
                time.sleep(0.05)
                continue
        return


def _times(reduction: float | None) -> str:
    return f"{reduction:.1f}× fewer MACs" if reduction and np.isfinite(reduction) else "MACs unknown"
