"""The page of a sweep: one HTML file that holds everything and asks for nothing."""
