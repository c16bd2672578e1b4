"""Page Methods, its upper part: one network's methods as frontier and table; a click on either leads to the run."""

from __future__ import annotations

import streamlit as st

from pages.methods import recorded_tables
from pages.shared import frame, run_picker, state
from pages.shared.figures import figure, table
from pages.shared.outside import md
from sbp.experiments.plans import PLANS
from sbp.experiments.results import Row
from sbp.reference.paper import HARDWARE, N_TEST, TABLES, all_of, dataset_of, table_of
from sbp.reference.published import points_of
from sbp.runs.store import RunView
from sbp.spec.networks import SPECS
from sbp.viz import labels, methods, methods_chart
from sbp.viz.methods import OURS, PAPER, Entry

PAGE = "methods"
ROW = 66  # px, of a deep network: above 4 rem Streamlit breaks the text of a cell into lines
LINKS = (
    ("train/page.py", "Train", ":material/model_training:"),
    ("channels/page.py", "Channels", ":material/grid_on:"),
    ("threshold/page.py", "Threshold and cost", ":material/content_cut:"),
)


def show() -> None:
    """The choice of the network, the frontier, the chosen row, the table."""
    found = [table for name in _compared() if (table := recorded_tables.recorded(name)) is not None]
    rows = [row for table in found for row in table.rows if row.n]
    network, dataset = _choice(rows)
    here = [row for row in rows if (row.network, row.dataset) == (network, dataset)]
    # Two experiments may hold runs of the same recipe: the first one's are shown.
    own = list({row.key: row for row in reversed(here)}.values())[::-1]
    usual = dataset == dataset_of(network)
    if not own:
        recorded_tables.missing(table_of(network), f"The table of methods on {SPECS[network].title}")
    entries = methods.entries(
        own, all_of(network) if usual else (), points_of(network) if usual else (), _against(network)
    )
    chosen = _chosen(entries)
    key, row = f"methods-{name_of(network, dataset)}", chosen.key if chosen else ""
    figure(
        f"Test error against MACs: {SPECS[network].title} on {labels.DATASET[dataset]}",
        lambda dark: methods_chart.chart(entries, network, row, dark),
        key=key,
        light=lambda: methods_chart.chart(entries, network),
        on_select=lambda: _point(key),
        table=lambda: methods.numbers(entries).to_csv(index=False).encode(),
    )
    if chosen is not None:
        _line(chosen, network)
    _table(entries, network, f"{key}-table")


def choices_of(rows: list[Row]) -> dict[str, tuple[str, str]]:
    """What there are results on, network and data set by the name in a link: ours first, then the paper's."""
    printed = [(row.network, dataset_of(row.network)) for table in TABLES.values() for row in table]
    return {name_of(*on): on for on in [*((row.network, row.dataset) for row in rows), *printed]}


def name_of(network: str, dataset: str) -> str:
    """A network's name, with the data set's where it is not the one that the paper and others have for it.

    >>> name_of("lenet-5-caffe", "mnist"), name_of("lenet-5-caffe", "fashion-mnist")
    ('lenet-5-caffe', 'lenet-5-caffe-fashion-mnist')
    """
    return network if dataset == dataset_of(network) else f"{network}-{dataset}"


def _compared() -> list[str]:
    return [name for name, plan in PLANS.items() if plan.methods]


def _against(network: str) -> dict[str, str]:
    """The paper's method that each row is compared with, by its key, as the plans have it."""
    planned = [row for name in _compared() for row in PLANS[name].rows]
    return {row.key: row.paper for row in planned if row.network == network and row.paper}


def _choice(rows: list[Row]) -> tuple[str, str]:
    choices = choices_of(rows)
    first, *_ = names = list(choices)
    said: list[str] = []
    wanted = state.fit(PAGE, "network", state.one_of(*names), first, said) or first
    frame.notices(said)
    state.choice(
        "Network",
        names,
        wanted,
        key="methods-network",
        format_func=lambda name: _title(*choices[name]),
        on_change=state.put_choice,
        args=("network", "methods-network", "row"),
    )
    return choices[wanted]


def _title(network: str, dataset: str) -> str:
    title = labels.NETWORK.get(network, network)
    return title if dataset == dataset_of(network) else f"{title}, {labels.DATASET.get(dataset, dataset)}"


def _chosen(entries: list[Entry]) -> Entry | None:
    """The entry that the link names, else SBP, else the first."""
    wanted = state.from_link(PAGE).get("row", "sbp")
    sbp = [entry for entry in entries if entry.beside == "SBP" or entry.key == "paper-SBP"]
    fallback = next(iter([*sbp, *entries]), None)
    found = next((entry for entry in entries if entry.key == wanted), fallback)
    if found is not None and found.key != wanted != "sbp":
        frame.notices([state.wrong("row", wanted, "a row of this table", found.label)])
    return found


def _line(entry: Entry, network: str) -> None:
    """The chosen row's figures with their conditions, and links to its run."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="methods-line"):
        st.markdown(sentence(entry, network), width="stretch")
        run = _run_of(entry)
        if run is None:
            return
        for page, title, icon in LINKS if run.config.has_noise else LINKS[:1]:
            st.page_link(page, label=title, icon=icon, query_params={"run": run.id})


def sentence(entry: Entry, network: str) -> str:
    """An entry in Markdown: its figures and the conditions they were measured under."""
    fewer = f"{entry.fewer:.1f}× fewer MACs ({methods.kilo(entry)})" if entry.fewer else "no MACs remain"
    n = entry.run.n_test if entry.origin == OURS else N_TEST if entry.origin == PAPER else None
    said = [f"**{entry.label}**: {labels.error(entry.error, 'test', n)}, {fewer}"]
    if entry.kept:
        said.append(f"{labels.widths_of(network, entry.kept)} units kept")
    if speed := methods.speed_of(entry):
        said.append(speed)
    if entry.origin == PAPER:
        said.append(f"timed on {HARDWARE['cpu']} and {HARDWARE['gpu']}")
    if entry.origin != OURS:
        said.append(f"protocol: {entry.protocol}")
    if entry.remark:
        said.append(entry.remark)
    if entry.origin == OURS:
        run = entry.run
        bound = {"plain": "plain bound", methods.NONE: ""}.get(entry.bound, f"KL weights {entry.bound}")
        said += [
            bound,
            f"{run.n_train:,} training images",
            f"seed {run.seed}, one of {entry.n}",
            f"trained in {labels.duration(run.seconds)} on {md(run.hardware)}",
        ]
        if _run_of(entry) is None:
            said.append("its run does not ship with the app")
    return " · ".join(part for part in said if part) + "."


def _run_of(entry: Entry) -> RunView | None:
    if entry.origin != OURS or not entry.run.run:
        return None
    return run_picker.sound(entry.run.run)


def _table(entries: list[Entry], network: str, key: str) -> None:
    deep = len(SPECS[network].layers()) > labels.MANY  # its units take more than one line
    table(
        "**Every method, ours and published**",
        methods.table(entries, network),
        f"methods-{network}-rows",
        height="content",
        key=key,
        selection_mode="single-row",
        row_height=ROW if deep else None,
        on_select=lambda: _row(key, entries),
        alt=f"Every method on {SPECS[network].title}, ours and the paper's",
        column_config={
            **{
                name: st.column_config.TextColumn(help=f"{what} {_ESTIMATE}")
                for name, what in (
                    ("test error, %", ""),
                    ("MACs reduction", "MACs of the dense network of the same width over these."),
                    ("kMACs", "Thousands of multiply-accumulates per image."),
                )
            },
            "protocol": st.column_config.TextColumn(
                help="The epoch whose test error is given; the error of the best test "
                "epoch is too low. Units are removed unless stated otherwise."
            ),
            "CPU speed-up": st.column_config.TextColumn(help=_SPEED),
            "GPU speed-up": st.column_config.TextColumn(help=_SPEED),
            "method": st.column_config.TextColumn(width=260 if deep else 180),
            "units kept": st.column_config.TextColumn(width=250 if deep else None),
            "KL weights": st.column_config.TextColumn(
                help="The bound optimised. Plain: every KL weight is 1; MACs^p: the MACs that a unit owns over "
                "the fewest of any layer, to the power p."
            ),
        },
    )
    theirs = any(entry.origin == PAPER for entry in entries)
    st.caption(
        "Click a row or a point to open its recorded run. Errors are on 10,000 test images, each read once; MACs are "
        f"counted from the units kept{_PAPER if theirs else ''}. Others’ points are as published, not run here."
    )


_PAPER = ", the paper’s too, since on LeNet-5-Caffe its printed FLOPs do not follow from them"
_ESTIMATE = "Mean over the seeds ± half the width of its 95 % t-interval (sample standard deviation)."
_SPEED = "Compact over dense, measured, at batch 1 / 32 / 1,000. The paper names no batch size."


def _point(key: str) -> None:
    """A point was clicked, or let go."""
    picked = (st.session_state[key].get("selection") or {}).get(methods_chart.PICK) or []
    state.put("row", picked[0]["key"] if picked else None)


def _row(key: str, entries: list[Entry]) -> None:
    """A row was clicked, or let go."""
    rows = (st.session_state[key].get("selection") or {}).get("rows") or []
    state.put("row", entries[rows[0]].key if rows and rows[0] < len(entries) else None)
