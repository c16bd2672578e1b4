"""The training of one network: loop, step, schedule, checkpoints."""
