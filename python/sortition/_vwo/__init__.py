"""VWO FullStack: the client behind `sortition.vwo`."""
