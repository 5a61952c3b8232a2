"""What is measured, one section a file; each has ``measure(folder, scale=…)`` and returns its tables."""
