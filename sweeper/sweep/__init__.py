"""The loop, its budget, its resumption. Knows the seams only."""
