"""Errors, options, arguments, messages and clocks for every other part."""
