"""The command `pronk`."""
