"""Methods: ours and the paper's beside each other, the bound through training, and how much the interval matters."""

from pages.parts import frame, methods_figures, methods_table, state

frame.header("Methods", "Against what?")
frame.notices(state.complaints("methods"))
methods_table.show()
methods_figures.bound()
methods_figures.interval()
methods_figures.pixels()
