"""Labelled texts from elsewhere, brought into the form of the corpus."""
