"""Python's own behaviour, as ``rust/pythonic`` has it in Rust.

Python itself does all of it here. What remains is to refuse the patterns that the compiled engine
does not support, so that both engines give the same answers.
"""
