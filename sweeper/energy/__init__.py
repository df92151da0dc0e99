"""Meters, carbon, prices: nvml.py alone imports pynvml. Works without Ray."""
