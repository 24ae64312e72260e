"""Where clients keep what users were given."""
