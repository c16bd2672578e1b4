"""Theory: the formulas with numbers put in, where each stands in the code, and what of the paper is misprinted."""

import math

import streamlit as st

from pages.shared import frame, interval, state
from pages.shared.documents import sections, show
from sbp.viz import theory

PAGE = "theory"
STEPS = {"mu": 0.1, "sigma": 0.1, "a": 1.0, "b": 1.0}

frame.header(
    "Theory",
    "What are the formulas, where do they stand in the code, and which of them are misprinted?",
    "theta",
    "mu and sigma",
    "prior",
    "KL",
    "SNR",
)
view, complaints = interval.opening(PAGE)
frame.notices(complaints)
for name, column in zip(view, st.columns(4), strict=True):
    low, high = state.GATE[name]
    key = f"{PAGE}-{name}"
    st.session_state[key] = view[name]
    step, format = STEPS[name], "%g"
    column.number_input(name, low, high, step=step, format=format, key=key, on_change=interval.typed, args=(PAGE,))
gate = view["mu"], math.log(view["sigma"]), view["a"], view["b"]
found = theory.formulas(*gate)
half = len(found) // 2
for column, some in zip(st.columns(2, gap="large"), (found[:half], found[half:]), strict=True):
    for formula in some:
        column.markdown(f"**{formula.title}** :gray[({formula.equation})]")
        column.latex(formula.latex)
st.markdown(theory.describe(*gate))
parts = sections("paper")
for heading in ("What is misprinted", "What later work says"):
    st.subheader(heading)
    show(parts[heading], heading.lower().replace(" ", "-"))
st.subheader("From the equation to the file")
show(parts[""], "equations")
st.subheader("References")
st.markdown(parts["References"])
