"""Pruning and keeping by hand: the buttons, the effect on error and cost, undo and reset. The link holds the edits."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal

import streamlit as st

from pages.channels import weights
from pages.channels.view import View
from pages.shared import state
from pages.shared.figures import titled
from sbp.data.datasets import DataError
from sbp.export.computed import ComputedNetwork
from sbp.pruning import edits as by_hand
from sbp.pruning.edits import Edits
from sbp.pruning.masks import Masks, kept_counts
from sbp.runs.store import RunView
from sbp.viz import labels

PAST = "hand-past"
_NAMED = 6  # edits that a sentence names


def show(
    run: RunView,
    view: View,
    net: ComputedNetwork,
    stamp: Hashable,
    edits: Edits,
    masks: Masks,
    saved: str,
    note: str,
) -> None:
    """Buttons for the unit shown, and the network with these edits beside the unedited one.

    saved: which epoch the weights are of, in words. note: the same, to stand under the title, where another is shown.
    """
    layer, unit = view.layer, view.shown
    kept, past = bool(masks[layer.name][unit]), _past(run.id)
    with st.container(border=True, key="hand-line"):
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            turned = by_hand.with_edit(edits, net.own_masks, layer.name, unit, not kept)
            # Asked back in vain: its channel, or all features of this channel, were pruned by hand.
            stuck = not kept and not by_hand.apply(net.own_masks, turned, run.layers)[layer.name][unit]
            other = "channel" if layer.parent else "features"
            by = f" with its {other}" if stuck else " by hand" if (layer.name, unit) in edits else ""
            now = f"{'kept' if kept else 'pruned'}{by}"
            st.markdown(f"{titled('By hand', note)}  \n{layer.kind} {unit} is {now}", width="content")
            said = _numbers(run, net, stamp, edits, masks, saved)
            st.space("stretch")
            st.button(
                "Prune this unit" if kept else "Keep this unit",
                key="hand-turn",
                type="primary",
                icon=":material/content_cut:" if kept else ":material/restore:",
                disabled=stuck,
                help=f"Pruned by hand with its {other}: keep that first." if stuck else None,
                on_click=_put,
                args=(run.id, turned),
            )
            st.button(
                "Undo", key="hand-undo", icon=":material/undo:", disabled=not past, on_click=_undo, args=(run.id,)
            )
            st.button(
                "Reset",
                key="hand-reset",
                icon=":material/restart_alt:",
                disabled=not edits,
                on_click=_put,
                args=(run.id, {}),
            )
        st.caption(said)


def _numbers(run: RunView, net: ComputedNetwork, stamp: Hashable, edits: Edits, masks: Masks, saved: str) -> str:
    """Error, MACs and kept units, and all of it in a sentence."""
    spec = run.description
    counts, own = kept_counts(masks, run.layers), kept_counts(net.own_masks, run.layers)
    macs, macs_own, dense = spec.macs(counts), spec.macs(own), spec.dense_macs(run.config.network.widths)
    measured, problem, same = None, "", "no change" if edits else "no edits"
    try:
        tried = weights.trial(run, net)
        n = len(tried.labels)
        now, before = (weights.wrong(stamp, net, tried, m) for m in (masks, net.own_masks))
        measured = tried.what, now, before, n
        change = f"{100 * (now - before) / n:+.2f} points" if now != before else ""
        note = f"On {tried.what}. Unedited: {100 * before / n:.2f} %."
        _metric(labels.error_kind(tried.kind).capitalize(), f"{100 * now / n:.2f} %", change, note, same)
    except DataError as error:
        problem = f" The error cannot be measured here: {error}"
    change = f"{macs - macs_own:+,}" if macs != macs_own else ""
    note = f"Multiply-accumulates per image. Unedited: {macs_own:,}; dense: {dense:,}."
    _metric("MACs", f"{macs:,}", change, note, same)
    more = sum(counts) - sum(own)
    change = f"{more:+,} {'unit' if abs(more) == 1 else 'units'}" if counts != own else ""
    note = f"Units of each layer: {labels.widths(counts)}. Unedited: {labels.widths(own)}."
    _metric("Kept", labels.in_all(counts), change, note, same, "off")
    titles = {layer.name: labels.layer_title(layer) for layer in run.layers}
    return _sentence(titles, edits, saved, measured, macs, macs_own, dense) + problem


def _metric(
    name: str, value: str, change: str, help: str, same: str, colour: Literal["inverse", "off"] = "inverse"
) -> None:
    """A number and how it changed; one that did not says `same`, so that nothing jumps."""
    if change:
        st.metric(name, value, change, delta_color=colour, help=help, width="content")
    else:
        st.metric(name, value, same, delta_color="off", delta_arrow="off", help=help, width="content")


def _sentence(
    titles: dict[str, str],
    edits: Edits,
    saved: str,
    tried: tuple[str, int, int, int] | None,
    macs: int,
    macs_own: int,
    dense: int,
) -> str:
    times = f"{dense / macs:,.1f}× fewer than dense" if macs else "so every image gets the same answer"
    done = [f"{titles[name]} {unit} {'kept' if keep else 'pruned'}" for (name, unit), keep in edits.items()]
    if len(done) > _NAMED:
        done = [*done[:_NAMED], f"{len(done) - _NAMED} more"]
    said = f"The network of {saved}, without edits: units with SNR ≥ 1 are kept."
    if edits:
        said = f"By hand, on the network of {saved}: {labels.join(done)}."
    cost = f"{macs:,} MACs, {times}{f' ({macs_own:,} without edits)' if edits else ''}."
    if tried:
        what, now, before, n = tried
        wrong = f"{now:,} of {what} are misclassified ({100 * now / n:.2f} %)"
        cost = f"{wrong}{f', {before:,} ({100 * before / n:.2f} %) without edits' if edits else ''}, at {cost}"
    return f"{said} {cost}"


def _past(run_id: str) -> list[str]:
    return list(st.session_state.get(PAST, {}).get(run_id, []))


def _put(run_id: str, edits: Edits) -> None:
    """Puts the edits into the link and remembers what stood there."""
    _remember(run_id, [*_past(run_id), str(st.query_params.get("hand") or "")])
    state.put("hand", by_hand.write(edits) or None)


def _undo(run_id: str) -> None:
    past = _past(run_id)
    _remember(run_id, past[:-1])
    state.put("hand", (past[-1] or None) if past else None)


def _remember(run_id: str, past: list[str]) -> None:
    st.session_state[PAST] = {**st.session_state.get(PAST, {}), run_id: past[-100:]}
