"""Page One gate, below its figures: the SNR over mu and log sigma as a surface to turn."""

from __future__ import annotations

import math

import streamlit as st

from pages.gate.view import LAST
from pages.shared.figures import folded
from pages.shared.theme import is_dark
from sbp.viz import snr_surface


def show() -> None:
    """The surface on the interval [a, b] of the page, with its gate as a point; made only while it is open."""
    with folded("SNR over mu and log sigma, in 3D", "view_in_ar", "gate-surface") as is_open:
        if is_open:
            view = st.session_state[LAST]
            unit = view["mu"], math.log(view["sigma"]), view["a"], view["b"]
            st.plotly_chart(snr_surface.chart(*unit, is_dark()), key="gate-snr", config={"displaylogo": False})
            st.caption(f"{snr_surface.describe(*unit)} Drag to turn it, scroll to zoom.")
