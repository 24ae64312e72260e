"""HTTP: one exchange, the connections, and the threads that wait for answers."""
