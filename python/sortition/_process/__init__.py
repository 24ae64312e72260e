"""State of one process: forks, the interpreter's exit, inherited connections."""
