"""What every page stands in: browser tab, width, header line with a link to copy."""

from __future__ import annotations

import html
import tomllib
from pathlib import Path

import streamlit as st

from pages.shared import state, tour, visitors
from pages.shared.assets import read
from pages.shared.copy_link import copy_link

TITLE = "Structured Bayesian pruning"
PAGE = "page-open"  # the session knows by it which page is open
ICON = str(Path(__file__).parents[2] / "assets" / "icon.svg")

# One element with the title: styles alone would go where toasts and windows are, and the toast of a fragment would take
# their place.
_CSS = read("shared/frame.css")
_EMBEDDED_CSS = read("shared/embedded.css")

GLOSSARY: dict[str, str] = tomllib.loads(read("shared/glossary.toml"))

_ABOUT = (
    f"**{TITLE}**: multiplicative log-normal noise learns which units of a network can be pruned.\n\n"
    "Neklyudov, Molchanov, Ashukha, Vetrov: "
    "*Structured Bayesian Pruning via Log-Normal Multiplicative Noise* (NIPS 2017)."
)


def configure() -> None:
    """Sets the tab, the wide layout, the menu and the width; the router calls it once per run."""
    st.set_page_config(page_title=TITLE, page_icon=ICON, layout="wide", menu_items={"About": _ABOUT})
    st.logo(ICON, size="large")


def header(title: str, question: str, *terms: str) -> None:
    """The first line of a page: its title, the question it answers, a button that copies the page's link; and what of
    its link the page cannot read.

    terms: of glossary.toml, explained behind a button. The card of the tour stands below, where the link names one.
    A page that is embedded (`?embed=true`) shows no header, and the one part that its link names by `show`.
    """
    styles = f"<style>\n{_CSS}{_embedded_css() if st.context.is_embedded else ''}</style>"
    st.set_page_config(page_title=f"{title} · {TITLE}")
    with st.container(horizontal=True, vertical_alignment="center", key="page-header"):
        st.html(
            f'{styles}<div class="page-title"><h1>{html.escape(title)}</h1><p>{html.escape(question)}</p></div>',
            width="stretch",
        )
        if terms:
            with st.popover("Terms", icon=":material/menu_book:", type="tertiary", key="terms"):
                st.markdown("\n\n".join(f"**{term}** {GLOSSARY[term]}" for term in terms))
        copy_link()
        visitors.sign_in()
    notices(state.complaints(st.session_state[PAGE]))
    tour.show()


def _embedded_css() -> str:
    part = state.from_link("frame").get("show")
    if part is None:
        return _EMBEDDED_CSS
    block = '[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"]'
    shown = f".st-key-{part}"
    return f"{_EMBEDDED_CSS}{block}:has({shown}) > :not({shown}, :has({shown})) {{ display: none; }}"


def notices(complaints: list[str]) -> None:
    """Says what of the link could not be used, and what is shown instead; nothing when all was well."""
    if complaints:
        st.warning("  \n".join(complaints), icon=":material/link_off:")
