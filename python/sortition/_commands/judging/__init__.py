"""``sortition report`` and ``sortition plan``: judging experiments, and planning them."""
