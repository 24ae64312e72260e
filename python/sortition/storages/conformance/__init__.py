"""Whether a user storage does what clients need of it."""
