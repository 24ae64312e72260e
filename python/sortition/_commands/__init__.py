"""The commands of `sortition`."""
