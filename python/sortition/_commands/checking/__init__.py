"""What ``sortition validate`` and ``sortition doctor`` look at, and what they find.

Nothing that they print holds an SDK key or a password.
"""
