"""Python's own behaviour, which needs no account here but for what the engines do not support."""
