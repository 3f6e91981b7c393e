"""Reads bounce messages."""
