"""Zoho PageSense FullStack, as the collector sees it."""
