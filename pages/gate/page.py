"""One gate: what mu, sigma, a and b do to the noise of one unit."""

import streamlit as st

from pages.gate import surface
from pages.gate import view as gate_view
from pages.gate.component import document, gate
from pages.shared import frame
from pages.shared.figures import download
from pages.shared.standalone import HELP

frame.header(
    "One gate",
    "A unit’s output is multiplied by theta, sampled afresh for every example. What do mu, sigma, a and b do to it?",
    "theta",
    "mu and sigma",
    "SNR",
    "prior",
    "KL",
)
view, complaints = gate_view.opening()
frame.notices(complaints)
step = gate_view.step()
gate(view, step, gate_view.released)
surface.show()
st.caption(
    "log theta ~ N(mu, sigma²) cut to [a, b]; p is uniform there. Equations and sections are those of "
    "Neklyudov, Molchanov, Ashukha and Vetrov, "
    "*Structured Bayesian Pruning via Log-Normal Multiplicative Noise* (2017)."
)
download("HTML", lambda: document(step["view"], step), "one-gate.html", key="gate-html", help=HELP)
