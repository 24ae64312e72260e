"""What belongs to one process: forks, the interpreter's exit, inherited connections."""
