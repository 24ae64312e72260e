"""A demo of whole experiments on one machine: settings, users, events over HTTP, and a report.

``sortition demo`` runs it. It requires the extra ``demo``.
"""
