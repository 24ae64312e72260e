"""Python's own behaviour, as ``rust/pythonic`` has it in Rust.

Python itself does all of it here. What remains is to refuse the patterns that the compiled engine
does not support, so that both engines give the same answers.

They differ for characters that Unicode added after version 14.0: the compiled engine has the tables
of Python 3.11, and this one those of the Python that runs it (15.0 in Python 3.12, 15.1 in 3.13,
16.0 in 3.14).
"""
