"""How well models answer labelled texts that they were not trained on, and whether one does better than another."""
