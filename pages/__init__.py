"""The pages of the app: one thin script each. What they share is in parts/."""
