"""Python's own behaviour, as ``rust/pythonic`` has it in Rust.

Python does all the work here. This package only refuses the patterns that the compiled engine does
not support, so that both engines give the same answers.

The engines differ for characters that Unicode added after version 14.0: the compiled engine has the
tables of Python 3.11, and this engine uses those of the running Python (15.0 in Python 3.12, 15.1
in 3.13, 16.0 in 3.14).
"""
