"""Below the fold of page Threshold and cost: criteria and the paper's rows, averaging over noise, another threshold."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from pages.shared.figures import figure, table
from pages.shared.outside import md
from sbp.reference.paper import N_TEST, REMARKS, dataset_of, rows_beside, table_of
from sbp.runs.store import RunView
from sbp.spec.method import method_title
from sbp.viz import ensemble, snr_counts
from sbp.viz import frontier as frontiers
from sbp.viz import labels as words
from sbp.viz.sweep import Sweep, near_one
from sbp.viz.tables import RunTables


def frontier(run: RunView, sweep: Sweep | None, examples: str, stop: Any) -> None:
    """Every criterion as a line with the paper's rows, and the same rows as a table."""
    st.subheader("How does SNR compare with other criteria?")
    config = run.config
    dense = run.description.dense_macs()
    rows, comparable = rows_beside(config)
    printed = table_of(config.network.name).replace("table-", "Table ")
    drawn, ours = rows if comparable else (), _ours(run)
    mark = (int((run.result or {})["macs"]), ours["test error, %"]) if ours else None
    drawable = sweep is not None or bool(drawn)
    wide, narrow = st.columns([7, 5], gap="medium") if drawable else (None, st.container())
    if wide is not None:
        with wide:
            lines = partial(frontiers.chart, sweep, drawn, dense, mark, examples, stop)
            key, of = f"{run.id}-frontier", (run.data_stamp, examples, stop["threshold"])
            kind = f"{sweep.kind.capitalize()} error" if sweep else "Error"
            figure(f"{kind} against MACs, by criterion", lines, key=key, of=of, run=run)
    with narrow:
        table(
            f"**This run beside the paper’s {printed}**" if printed else "**This run**",
            frontiers.comparison(rows, ours),
            f"{run.id}-comparison",
            alt="This run's test error and MACs" + (f" beside the rows of the paper's {printed}" if printed else ""),
            column_config={
                "test error, %": st.column_config.NumberColumn(format="%.2f"),
                "MACs reduction": st.column_config.NumberColumn(
                    format="%.2f×", help="Dense MACs over these, counted from the kept units"
                ),
                "as printed": st.column_config.TextColumn(help=f"FLOPs column of the paper's {printed}"),
            },
        )
        st.caption(_honest(run, bool(rows), comparable))


def noise(run: RunView, found: RunTables, sweep: Sweep | None, threshold: float) -> None:
    """Whether averaging over the noise helps, and what another threshold would change."""
    left, right = st.columns(2, gap="medium")
    averaged = sweep is not None and not sweep.samples.empty and bool(sweep.mean)
    if sweep is not None and averaged:
        with left:
            st.subheader("Does averaging over noise help at SNR ≥ 1? (paper, section 4.5)")
            made = partial(ensemble.chart, sweep, "error_percent")
            figure("Error of K sampled thetas averaged", made, key=f"{run.id}-ensemble", of=run.data_stamp, run=run)
            if sweep.hardware:
                st.caption(f"Times on {md(sweep.hardware)}.")
    with right if averaged else left:
        st.subheader("What would another threshold change?")
        figure(
            "Units by their SNR",
            partial(snr_counts.chart, found, threshold),
            key=f"{run.id}-snr-counts",
            of=(run.data_stamp, threshold),
            run=run,
        )
    with right:
        st.markdown(_why(run, found))
        if not averaged and not run.config.tracked:
            st.subheader("Does averaging over noise help? (paper, section 4.5)")
            st.markdown("Not measured for this run: the sweep does, K sampled thetas against the mean in one pass.")


def _ours(run: RunView) -> dict[str, Any] | None:
    """This run's row of the table: its test error, where it has ended with one."""
    result = run.result or {}
    if result.get("test_error_percent") is None or not result.get("macs"):
        return None
    dense = run.description.dense_macs()
    return {
        "method": "this run",
        "test error, %": float(result["test_error_percent"]),
        "kept": words.widths_of(run.description, result["kept"]),
        "kMACs": words.kilo_macs(result["macs"]),
        "MACs reduction": dense / result["macs"],
        "as printed": "",
    }


def _honest(run: RunView, printed: bool, comparable: bool) -> str:
    """What is compared with what. printed: whether the paper has this network."""
    n = (run.result or {}).get("n_test") or run.meta.get("n_test")
    ours = f"this run's on its {n:,} test images, read once, at SNR ≥ 1" if n else "this run's once it has ended"
    theirs = words.DATASET.get(dataset_of(run.config.network.name), "")
    said = (
        f"Errors are test errors: {f'the paper’s on {N_TEST:,} {theirs} images, ' if printed else ''}{ours}; one seed "
        f"({run.config.seed}), {method_title(run.config.method.name)}."
    )
    if printed and not comparable:
        data = words.DATASET.get(run.config.data.dataset, run.config.data.dataset)
        data += words.with_random_labels(run.config.data.random_share)
        said += f" This run is on {data}: MACs compare, errors do not, so the paper is not in the figure."
    remark = REMARKS.get(run.config.network.name, "")
    return f"{said} {remark}".rstrip()


def _why(run: RunView, found: RunTables) -> str:
    """Why the threshold is 1, in this run's numbers."""
    length, prior = run.config.noise.log_high - run.config.noise.log_low, found.prior_snr
    share = near_one(found)
    short = "" if prior < 1 else " **On this interval the prior itself is above 1: nothing would ever be pruned.**"
    heaps = "Its units are either near it or well above" if share < 5 else "Its units do not separate clearly"
    return (
        f"A unit that learned nothing has the SNR of the prior, which depends on b − a alone: {prior:.2f} at this "
        f"run's {length:g}, and it would cross 1 at 3.83. So SNR < 1 means: this unit looks like the prior.{short} "
        f"{heaps}: **{share:.1f} %** have an SNR within a factor of 2 of 1, and only those change sides between "
        "thresholds of 0.5 and 2."
    )
