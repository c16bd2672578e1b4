"""The pages of the app: one folder each. What they share is in shared/."""
