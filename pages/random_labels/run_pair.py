"""Page Random labels, its upper part: which two runs share the clock, their player, and their downloads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from pages.shared import clock, film, frame, run_picker, standing, state
from pages.shared.figures import download, figure, folded
from pages.shared.outside import md
from pages.shared.player import twins_player
from sbp.runs import store
from sbp.runs.store import RunView
from sbp.spec.method import method_title
from sbp.viz import labels
from sbp.viz import twins as figures
from sbp.viz.tables import tables

PAGE, PLAYER = "random-labels", "twins-player"
RACE = ("collapse", "memorise")
POLL_SECONDS = 2.0
# The recorded twins by the word in the link: what the choice is called, and the runs, that which refuses first.
RECORDED = {
    "recorded": ("SBP and binary dropout", ("random-labels-sbp", "random-labels-dropout")),
    "vgg": ("The same on CIFAR-10", ("random-labels-vgg-sbp", "random-labels-vgg-dropout")),
    "rates": ("SBP, fast and slow noise", ("random-labels-collapse", "random-labels-memorise")),
}
COMMAND = "python -m sbp reproduce random-labels --record"


@dataclass(frozen=True)
class Pair:
    """Two runs for one clock, and what the choice is called."""

    key: str
    title: str
    runs: tuple[RunView, RunView]

    @property
    def names(self) -> tuple[str, str]:
        """What each is called beside the other."""
        return _called(self.runs[0]), _called(self.runs[1])


def show() -> None:
    """The twins; polls while one of them trains."""
    pairs = pairs_of(store.newest_runs())
    if not pairs:
        st.info(
            f"The two recorded runs, SBP and binary dropout on random labels, cannot be found: `{COMMAND}` makes them. "
            "Start both runs of the race below to see them here on one clock.",
            icon=":material/movie:",
        )
        return
    chosen = _chosen(pairs)
    live = any(run_picker.trains(run) for run in chosen.runs)

    def again() -> None:
        now = next((pair for pair in pairs_of(store.newest_runs()) if pair.key == chosen.key), None)
        if now is None or live != any(run_picker.trains(run) for run in now.runs):
            st.rerun()
            return
        _body(now, live)

    st.fragment(again, run_every=POLL_SECONDS if live else None)()


def pairs_of(runs: list[RunView]) -> list[Pair]:
    """The recorded twins, and the newest two of one's own that race."""
    runs = [run for run in runs if not run.problem]
    by_id = {run.id: run for run in runs}
    found = []
    for key, (title, names) in RECORDED.items():
        if all(name in by_id and by_id[name].records() for name in names):
            found.append(Pair(key, title, (by_id[names[0]], by_id[names[1]])))
    fast, slow = (next((run for run in runs if _races(run, name)), None) for name in RACE)
    if fast is not None and slow is not None:
        found.append(Pair("race", "The race: collapse and memorise", (fast, slow)))
    return found


def _called(run: RunView) -> str:
    """What a run is called beside its twin: its recipe and rate in the race, else its method."""
    if run.config.preset in RACE:
        return f"{run.config.preset} ({_ratio(run)})"
    return "SBP" if run.config.has_noise else "binary dropout"


def _races(run: RunView, preset: str) -> bool:
    """Whether a run of one's own, of this recipe, has something to show or is about to."""
    own = not run.recorded and run.config.preset == preset and run.config.data.random_share == 1
    return own and (run_picker.trains(run) or film.has_pictures(run))


def _ratio(run: RunView) -> str:
    """How many times the weights' learning rate that of the noise is."""
    return f"{run.config.optimisation.noise_lr / run.config.optimisation.lr:.3g}×"


def _chosen(pairs: list[Pair]) -> Pair:
    """The pair that the link asks for, else the first; chosen by hand where there are two."""
    said: list[str] = []
    wanted = state.fit(PAGE, "pair", state.one_of(*(pair.key for pair in pairs)), pairs[0].key, said)
    frame.notices(said)
    pair = next((pair for pair in pairs if pair.key == wanted), pairs[0])
    if len(pairs) > 1:
        state.choice(
            "Twins",
            [pair.key for pair in pairs],
            pair.key,
            key="pair-choice",
            format_func={pair.key: pair.title for pair in pairs}.__getitem__,
            on_change=state.put_choice,
            args=("pair", "pair-choice", "epoch"),
        )
    return pair


def _body(pair: Pair, live: bool) -> None:
    if not any(map(film.has_pictures, pair.runs)):
        standing.show(pair.runs[0])
        return
    newest = max(tables(run).newest for run in pair.runs)
    now, said = clock.read(PAGE, pair.key, newest)
    frame.notices(said)
    twins_player(
        pair.runs,
        pair.names,
        key=PLAYER,
        play=now.epoch is None and not live,
        live=live,
        now=now,
    )
    st.caption("  \n".join(origin(run, name) for run, name in zip(pair.runs, pair.names, strict=True)))
    _take_away(pair)


def origin(run: RunView, name: str) -> str:
    """What a twin is: its network and data, how it was trained, on what, and where it stands."""
    config, meta = run.config, run.meta
    n = meta.get("n_train")
    parts = [
        f"**{name}**: {labels.run_title(run)}",
        method_title(config.method.name),
        f"{n:,} training examples" if n else "",
        f"seed {config.seed}",
        md(str(meta.get("hardware") or "")),
        "recorded" if run.recorded else str(run.state),
    ]
    return " · ".join(part for part in parts if part)


def _take_away(pair: Pair) -> None:
    with folded("Downloads", "download", "twins-files") as is_open:
        if not is_open:
            return
        both = figures.pair_of(pair.runs, pair.names)
        columns: list[Any] = st.columns(len(figures.WHAT), gap="medium")
        for column, (what, (title, _)) in zip(columns, figures.WHAT.items(), strict=True):
            with column:
                figure(title, partial(figures.chart, both, what), key=f"twins-{what}")
        download(
            "Every epoch of both (CSV)",
            lambda: figures.table(both).to_csv(index=False).encode(),
            "random-labels.csv",
            key="twins-csv",
        )
