"""The body of page Channels: follows a run while it trains, and says in words what its pictures show."""

from __future__ import annotations

import time
from functools import partial

import streamlit as st

from pages.channels import unit as channels_unit
from pages.channels import view as view_of
from pages.shared import film, frame, run_picker
from pages.shared.figures import download, figure, folded
from pages.shared.follow import follow
from pages.shared.player import panel, player
from sbp.pruning.masks import is_kept
from sbp.runs.store import RunView
from sbp.viz import heatmap, labels, trajectories
from sbp.viz.tables import ALIVE, RunTables, snr_table, tables

POLL_SECONDS = 2.0
# Between the player and the charts below it: arriving together they are drawn together, and the player, which is what
# was asked for, would wait for all of them.
HEAD_START = 0.04


def show(run_id: str) -> None:
    """Shows a run's channels; polls only while it trains."""
    follow(run_id, _body, POLL_SECONDS)


def _body(run: RunView, polling: bool) -> None:
    found = tables(run).with_steps
    view, complaints = view_of.read(found)
    frame.notices(complaints)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="channels-line"):
        run_picker.line(run, film.followable)
        st.space("stretch")
        view_of.controls(found, view)
    names = [layer.name for layer in found.layers]
    many = len(names) > labels.MANY
    kinds = [*(["groups"] if many else []), "heatmap", "cells", "kept", "trajectories"]
    player(
        run,
        "channels many-groups" if many else "channels",
        [panel(kind, layer=view.index) for kind in kinds],
        key=view_of.PLAYER,
        live=polling,
        order=view.order,
        focus=view.layer.name,
        now=view.clock,
        unit=view.unit,
        on_unit=view_of.unit_changed,
        on_layer=partial(view_of.layer_changed, names),
    )
    time.sleep(HEAD_START)
    _unit(found, view)
    view_of.others(found, view)
    view_of.picks(found, view)
    st.fragment(channels_unit.show)(run, found, view)
    _take_away(run, found, view)


def _unit(found: RunTables, view: view_of.View) -> None:
    """The marked unit in a sentence; without one, what happened to the layer as a whole."""
    if view.unit < 0:
        st.markdown(
            f":gray[{heatmap.history(found, view.layer.name, view.epoch)} Click a {view.layer.kind} to mark it; "
            f"shown below: {view.shown}, kept longest.]"
        )
        return
    st.markdown(unit_sentence(found, view))


def unit_sentence(found: RunTables, view: view_of.View) -> str:
    """One unit at the epoch shown: SNR, mu, sigma, fate."""
    name, unit, row = view.layer.name, view.unit, found.index(view.epoch)
    snr, death = float(found.snr[name][row, unit]), found.death[name][unit]
    fate = "kept to the end" if death == ALIVE else f"below 1 from {found.when(death)} on"
    mu, log_sigma = [labels.signed(values[name][row, unit], ".3f") for values in (found.loc, found.log_scale)]
    return (
        f"**{view.layer.kind.capitalize()} {unit} of {labels.layer_title(view.layer)}** "
        f"at {found.when(found.epochs[row])}: "
        f"SNR **{snr:.3g}**, {'kept' if is_kept(snr) else 'pruned'} (mu = {mu}, log sigma = {log_sigma}); {fate}."
    )


def _take_away(run: RunView, found: RunTables, view: view_of.View) -> None:
    """Figures with exact axes and every number of the layer, made only when asked for."""
    with folded("Downloads", "download", "channels-files") as is_open:
        if not is_open:
            return
        name, total, at = view.layer.name, run.config.schedule.last_epoch, view.epoch
        wide, narrow = st.columns([3, 2], gap="medium")
        with wide:
            heat = partial(heatmap.chart, found, name, total, view.order, at)
            figure("SNR of every unit by epoch", heat, key=f"{run.id}-{name}-heatmap", run=run)
        with narrow:
            lines, curve = (partial(make, found, name, total, at) for make in (trajectories.chart, heatmap.kept_curve))
            figure("Trajectories", lines, key=f"{run.id}-{name}-trajectories", run=run)
            title = f"{labels.units_of(view.layer).capitalize()} kept by epoch"
            figure(title, curve, key=f"{run.id}-{name}-kept", run=run)
        download(
            "Every unit and epoch of this layer (CSV)",
            lambda: snr_table(tables(run), name).to_csv(index=False).encode(),
            f"{run.id}-{name}-snr.csv",
        )
