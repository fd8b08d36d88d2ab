"""The families whose weights are published, each with what its configuration and names mean."""
