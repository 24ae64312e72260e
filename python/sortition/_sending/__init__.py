"""Sending: how requests leave, and what becomes of those that fail."""
