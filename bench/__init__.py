"""Measurements: ours beside the limit or the peer, in the same run."""
