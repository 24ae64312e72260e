"""The common parts of all platforms' clients."""
