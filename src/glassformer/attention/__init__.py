"""Attention: who may look at whom, and how what is seen is mixed."""
