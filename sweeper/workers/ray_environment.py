"""What the environment must say before ``import ray``.

Ray 2.60 reads its authentication mode and token once, at import; it listens on all interfaces, so a
local cluster of ours always asks for a token, a fresh one each time. Must not import ray.
"""

from __future__ import annotations

import os
import secrets

__all__ = ["prepare"]

_ALWAYS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # a worker without GPUs sees none
    "RAY_RUNTIME_ENV_IGNORE_GITIGNORE": "1",  # ship what the sweep uses, ignored by git or not
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # CUDA's numbers are then those of NVML
}


def prepare(*, local: bool) -> None:
    """Fill in what the user has not set.

    Args:
        local: A cluster of our own is about to be started; an existing one has its own token.
    """
    for name, value in _ALWAYS.items():
        os.environ.setdefault(name, value)
    if local and "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
