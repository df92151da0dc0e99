"""What a Python program of a sweep runs at its start: self-contained, for any Python and project.

This folder stands first on ``PYTHONPATH`` of a program. Its interpreter need not have ``sweeper``.
"""
