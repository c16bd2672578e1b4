"""Page Your network: a file of mu and log sigma, brought in and taken out."""

from __future__ import annotations

import streamlit as st

from pages.shared import visitors
from pages.shared.outside import md
from pages.shared.run_picker import label
from sbp.runs import noise_file, store
from sbp.runs.names import BadRequest
from sbp.runs.view import RunView
from sbp.spec.networks import OWN

OPENED = "noise-opened"
MOST_BYTES = 2**20  # mu and log sigma of 130,000 units; as much as the server takes
# Where a run that was opened is looked at.
DOORS = (
    ("channels/page.py", "Its channels", ":material/grid_on:"),
    ("threshold/page.py", "Its threshold and cost", ":material/content_cut:"),
)
SAMPLE = "resnet-20"


def show() -> None:
    """What the file is, a place to drop one, and those of the runs that there are."""
    st.markdown(
        '`sbp.save_noise(model, "mine.safetensors", example_input)` writes mu and log sigma of every group and what '
        "the network is; `sbp.load_noise` puts them back. Nothing in the file is executed or unpickled."
    )
    why = md(visitors.refusal())
    st.file_uploader(
        "Open a file", ["safetensors"], key="noise-file", on_change=_open, disabled=bool(why), help=why or None
    )
    said = st.session_state.get(OPENED)
    if said:
        run_id, problem = said
        if problem:
            st.error(md(problem), icon=":material/error:")
        else:
            st.success(f"Opened as the run {md(run_id)}.", icon=":material/check_circle:")
            for page, title, icon in DOORS:
                st.page_link(page, label=title, icon=icon, query_params={"run": run_id})
    runs = {run.id: run for run in store.newest_runs() if not run.problem and run.config.has_noise}
    ids = sorted(runs, key=lambda run_id: run_id != SAMPLE)
    if not ids:
        return
    chosen = st.selectbox("Take one out", ids, format_func=lambda run_id: label(runs[run_id]), key="noise-run")
    try:
        content = noise_file.of_run(runs[chosen])
    except BadRequest as error:
        st.caption(md(str(error)))
        return
    file = f"{chosen}.safetensors"
    st.download_button("Download", content, file, icon=":material/download:", key="noise-save", on_click="ignore")
    st.code(lines(runs[chosen], file), language="python", wrap_lines=True)


def lines(run: RunView, file: str) -> str:
    """What puts a run's file on its network again, and cuts that."""
    network, noise = run.config.network, run.config.noise
    ends = f"log_low={noise.log_low:g}, log_high={noise.log_high:g}"
    if network.name == OWN:
        make = f"model = network()  # yours: {run.description.title}\nsbp.attach(model, example_input, {ends})"
    else:
        make = f"model = sbp.build({network.name!r}, {list(network.widths)}, pixels={network.pixels}, {ends})"
    return (
        f"import sbp\n\n{make}\nsbp.load_noise(model, {file!r})\n"
        "small = sbp.compact(model)  # its widths; the file holds no weights"
    )


def _open() -> None:
    file = st.session_state["noise-file"]
    st.session_state[OPENED] = opened(file.getvalue()) if file is not None else None


def opened(content: bytes) -> tuple[str, str]:
    """The id of the run that a file was opened as, and "", or "" and why it was not."""
    if len(content) > MOST_BYTES:
        return "", f"Expected a file of at most {MOST_BYTES:,} bytes, got {len(content):,}."
    try:
        visitors.check()
        return noise_file.open_as_run(content), ""
    except (BadRequest, OSError) as error:
        return "", str(error)
