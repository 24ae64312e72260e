"""The checks of ``sortition validate`` and ``sortition doctor``.

Their output contains no SDK key and no password.
"""
