"""Errors, options, arguments, messages and clocks, which every other part may use."""
