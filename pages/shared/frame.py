"""What every page stands in: browser tab, width, header line with a link to copy."""

from __future__ import annotations

import html
from pathlib import Path

import streamlit as st

from pages.shared import state
from pages.shared.copy_link import copy_link

TITLE = "Structured Bayesian pruning"
PAGE = "page-open"  # the session knows by it which page is open
ICON = str(Path(__file__).parents[2] / "assets" / "icon.svg")

# One element with the title: styles alone would go where toasts and windows are, and the toast of a fragment would take
# their place. Streamlit has no option for the width of a page, the gap below its header line, or the words on a primary
# button, which are white on a light blue in the dark theme. And it keeps a button that was replaced on the page while
# it has the focus, until the script has run: pressing the new one takes the focus, the old one vanishes, and the new
# one moves away between the mouse's down and up, so that its click is lost: Stop, Resume.
_CSS = """
<style>
[data-testid="stMainBlockContainer"] {
  max-width: 1320px; margin: 0 auto; padding-left: 1.25rem; padding-right: 1.25rem;
}
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0.75rem; }
[data-testid="stMarkdownContainer"] table { display: block; overflow-x: auto; }
.katex-display { overflow-x: auto; overflow-y: hidden; }
[data-testid="stBaseButton-primary"] { color: light-dark(#FFFFFF, #0B2236); }
[data-retained]:has(> .stButton) { display: none; }
.page-title { display: flex; flex-wrap: wrap; align-items: baseline; column-gap: 1rem; }
.page-title h1 { font-size: 1.75rem; padding: 0; margin: 0; line-height: 1.2; }
.page-title p { font-size: 1.0625rem; margin: 0; opacity: 0.75; }
.st-key-page-header { flex-wrap: nowrap; }
.st-key-page-header > div { min-width: 0; }
@media (max-width: 640px) {
  .st-key-page-header { align-items: flex-start; }
  [data-testid="stMainBlockContainer"] { padding-left: 0.75rem; padding-right: 0.75rem; }
}
</style>
"""

_ABOUT = (
    f"**{TITLE}**: multiplicative log-normal noise learns which units of a network can be pruned.\n\n"
    "Neklyudov, Molchanov, Ashukha, Vetrov: "
    "*Structured Bayesian Pruning via Log-Normal Multiplicative Noise* (NIPS 2017)."
)


def configure() -> None:
    """Sets the tab, the wide layout, the menu and the width; the router calls it once per run."""
    st.set_page_config(page_title=TITLE, page_icon=ICON, layout="wide", menu_items={"About": _ABOUT})
    st.logo(ICON, size="large")


def header(title: str, question: str) -> None:
    """The first line of a page: its title, the question it answers, a button that copies the page's link; and what of
    its link the page cannot read."""
    st.set_page_config(page_title=f"{title} · {TITLE}")
    with st.container(horizontal=True, vertical_alignment="center", key="page-header"):
        st.html(
            f'{_CSS}<div class="page-title"><h1>{html.escape(title)}</h1><p>{html.escape(question)}</p></div>',
            width="stretch",
        )
        copy_link()
    notices(state.complaints(st.session_state[PAGE]))


def notices(complaints: list[str]) -> None:
    """Says what of the link could not be used, and what is shown instead; nothing when all was well."""
    if complaints:
        st.warning("  \n".join(complaints), icon=":material/link_off:")
