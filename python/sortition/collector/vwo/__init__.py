"""VWO FullStack, as the collector sees it."""
