"""The validation protocol V0-V8: does the meter hold what it says on this machine's GPU?

One command, under ten minutes, ends by itself, only reads: ``python -m sweeper.energy.validation``.
docs/gpu-validation.md says how to read it. Works where only Python, nvidia-ml-py and PyTorch or
CuPy are installed, so nothing in here may import psutil (but for one experiment, which is skipped
without it), Ray, click, pydantic or rich.
"""
