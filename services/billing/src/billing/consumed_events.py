"""What billing reads of other services."""
