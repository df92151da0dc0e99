"""Fakes and conformance cases of the seams, for this project's tests and for yours."""
