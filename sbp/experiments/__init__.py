"""The paper's experiments as data: what is run, what came out, the paper's numbers beside it. No torch."""
