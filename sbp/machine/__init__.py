"""What this machine has: devices, and the ranks of a distributed run."""
