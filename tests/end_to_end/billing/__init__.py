"""A package, so that its system ends with its last test: the next has queues of the same names."""
