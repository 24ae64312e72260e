"""HTTP: one exchange, what its answer means, and the threads that send."""
