"""What goes on inside a model that has learned."""
