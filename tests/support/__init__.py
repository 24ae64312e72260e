"""Shared parts of the tests: servers, documents, clients, programs."""
