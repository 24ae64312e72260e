"""PageSense FullStack: the client behind `sortition.pagesense`."""
