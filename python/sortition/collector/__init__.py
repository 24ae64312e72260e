"""A local server that takes the platforms' events and reports on them.

A newcomer sees a whole experiment run without an account anywhere, and tests have a real server to
talk to. It needs the ``collector`` extra; ``sortition serve`` starts it.
"""
