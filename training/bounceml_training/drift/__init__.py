"""Drift: whether what servers answer has moved away from what the model knows."""
