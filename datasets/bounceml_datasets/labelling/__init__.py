"""Texts to be labelled by people: the sheet, other tools' task files, and how far somebody has got."""
