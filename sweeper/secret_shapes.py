"""What looks like a secret, and how a text is shown without it. Standard library only.

Owns: the list of token shapes. Text for people passes here where it is made: causes, tracebacks.
"""

from __future__ import annotations

import re

__all__ = ["SHAPES", "hide_secrets"]

# Prefixes and lengths as their issuers publish them for secret scanners. A lone hex string is no
# shape: commit ids and digests look the same.
SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"  # Amazon access key id
    r"|gh[opsur]_[A-Za-z0-9]{36,}"  # GitHub
    r"|github_pat_[A-Za-z0-9_]{22,}"
    r"|gl(?:pat|ptt|dt|rt)-[A-Za-z0-9_-]{20,}"  # GitLab
    r"|hf_[A-Za-z0-9]{30,}"  # Hugging Face
    r"|sk-(?=[A-Za-z0-9_-]{0,99}[0-9])[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"  # Stripe
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|AIza[A-Za-z0-9_-]{35}"  # Google
    r"|dckr_pat_[A-Za-z0-9_-]{20,}"  # Docker
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"  # SendGrid
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"  # JSON Web Token, RFC 7519
    r")"
    r"|-----BEGIN [A-Z0-9 ]*PRIVATE KEY"  # PEM, RFC 7468
    r"|(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@]+@"  # user info of a URL, RFC 3986
)

# A telling name with its value, as error messages write them: api_key='abc', password: abc.
_NAMED = re.compile(
    r"(?i)((?:secret|password|passwd|api[_-]?key|access[_-]?token|private[_-]?key|credential)s?"
    r"[\"']?\s*[=:]\s*)(\"[^\"]*\"?|'[^']*'?|[^\s,;)&]+)"
)
_BEARER = re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{8,}")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*", re.DOTALL)
_USER_INFO = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#@]+@")
_HIDDEN = "***"


def hide_secrets(text: str) -> str:
    """Replace in a text for people what looks like a secret, and leave the rest as it is."""
    text = _USER_INFO.sub(rf"\1{_HIDDEN}@", _PEM.sub(_HIDDEN, text))
    return _BEARER.sub(rf"\1{_HIDDEN}", _NAMED.sub(rf"\1{_HIDDEN}", SHAPES.sub(_shown, text)))


def _shown(found: re.Match[str]) -> str:
    return found[0] if _HIDDEN in found[0] else _HIDDEN
