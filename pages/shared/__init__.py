"""What several pages use: frame, state, run picker, player, figures."""
