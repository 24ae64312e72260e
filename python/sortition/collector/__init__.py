"""A local server that receives both platforms' events and reports on them.

With it you can run a whole experiment without an account on a platform, and tests have a real
server. ``sortition serve`` starts it. It requires the extra ``collector``.
"""
