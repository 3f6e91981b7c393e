"""Exports of bounces: tables of many formats, read in parts, and written again with the answers beside."""
