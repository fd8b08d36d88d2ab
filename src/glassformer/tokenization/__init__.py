"""Tokenization: text becomes integers, and comes back unchanged."""
