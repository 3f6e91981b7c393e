"""Faults induced: real servers that refuse for a reason known beforehand, so that the label is certain."""
