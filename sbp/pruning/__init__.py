"""What to prune and what that saves: criteria, masks, cost, manual edits. No torch."""
