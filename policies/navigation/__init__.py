"""A graph neural network that tunes the navigation filter from what one robot perceives."""
