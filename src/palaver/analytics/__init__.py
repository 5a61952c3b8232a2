"""What conversations come to: one alone, counted from its rows; many together, from the roll-ups that a worker keeps."""
