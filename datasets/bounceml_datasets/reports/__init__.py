"""Figures of an export for a report: collected part by part, in memory that doesn't grow with the export."""
