"""Sending events: queues, batches, retries and the ledger."""
