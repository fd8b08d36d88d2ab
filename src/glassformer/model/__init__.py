"""Whole models, put together from the parts above them."""
