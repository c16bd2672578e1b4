"""Methods: ours and the paper's beside each other, the bound through training, and how much the interval matters."""

from pages.methods import figures, table
from pages.shared import frame

frame.header("Methods", "How does it compare?", "MACs", "unit", "bound", "KL")
table.show()
figures.bound()
figures.interval()
figures.pixels()
figures.questions()
