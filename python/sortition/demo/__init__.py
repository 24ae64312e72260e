"""Whole experiments on one machine: settings, users, events over HTTP, and a report.

It needs the ``demo`` extra; ``sortition demo`` runs it.
"""
