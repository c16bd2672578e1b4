"""What a network can be trained with: one interface for all, in `base`."""
