"""The folder of a run: its files, who reads and writes them, who trains in it. No torch."""
