"""Drivers that are killed, stopped and lied to, on one store, and a judge of what they leave.

The seams are the real ones; only the training is a sleep. Run it: ``scripts/chaos --minutes 30``.
"""
