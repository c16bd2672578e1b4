"""One gate: what mu, sigma, a and b do to the noise of one unit."""

from pages.parts import frame

frame.header("One gate", "What do mu, sigma, a and b do?")
