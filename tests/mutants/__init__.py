"""Rules that are changed on purpose."""
