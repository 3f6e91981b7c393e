"""Labelled bounce texts, their loader, and readers and writers of exports."""
