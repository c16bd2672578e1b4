"""What a trained network is worth: threshold sweeps, ensembles, attribution, latency."""
