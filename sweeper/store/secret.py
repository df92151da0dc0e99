"""What looks like a secret, in a trial's parameters and in what an error says.

Owns the rule for names and the list of token shapes. Imports nothing but the standard library and
``sweeper``'s values. Parameters are never redacted: two trials that differ in a redacted value only
would share a key. The rule keeps the trial out of the store, unless ``cache.ignore`` lists the
parameter. The text of an error is no part of a key; there a secret is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sweeper.model import Params
from sweeper.store.key import join

__all__ = ["hide_secrets", "secret_in"]

_NAME = re.compile(
    r"(?i)(^|[._-])(secret|password|passwd|api[_-]?key|access[_-]?token|private[_-]?key|credential)s?$"
)

# Prefixes and lengths as their issuers publish them for secret scanners. A lone hex string is no
# shape: commit ids and digests look the same.
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"  # Amazon access key id
    r"|gh[opsur]_[A-Za-z0-9]{36,}"  # GitHub
    r"|github_pat_[A-Za-z0-9_]{22,}"
    r"|gl(?:pat|ptt|dt|rt)-[A-Za-z0-9_-]{20,}"  # GitLab
    r"|hf_[A-Za-z0-9]{30,}"  # Hugging Face
    r"|sk-(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"  # Stripe
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|AIza[A-Za-z0-9_-]{35}"  # Google
    r"|dckr_pat_[A-Za-z0-9_-]{20,}"  # Docker
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"  # SendGrid
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"  # JSON Web Token, RFC 7519
    r")"
    r"|-----BEGIN [A-Z0-9 ]*PRIVATE KEY"  # PEM, RFC 7468
    r"|[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@]+@"  # user info of a URL, RFC 3986 section 3.2.1
)


# A telling name with its value, as error messages write them: api_key='abc', password: abc.
_NAMED = re.compile(
    r"(?i)((?:secret|password|passwd|api[_-]?key|access[_-]?token|private[_-]?key|credential)s?"
    r"[\"']?\s*[=:]\s*)(\"[^\"]*\"?|'[^']*'?|[^\s,;)&]+)"
)
_BEARER = re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{8,}")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*", re.DOTALL)
_USER_INFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#@]+@")
_HIDDEN = "***"


def hide_secrets(text: str) -> str:
    """Replace in a text for people what looks like a secret, and leave the rest as it is."""
    text = _USER_INFO.sub(rf"\1{_HIDDEN}@", _PEM.sub(_HIDDEN, text))
    return _BEARER.sub(rf"\1{_HIDDEN}", _NAMED.sub(rf"\1{_HIDDEN}", _SHAPES.sub(_shown, text)))


def _shown(found: re.Match[str]) -> str:
    return found[0] if _HIDDEN in found[0] else _HIDDEN


def secret_in(params: Params) -> str | None:
    """Find the first parameter that looks like a secret.

    Args:
        params: Values that have a canonical text, so that none contains itself.

    Returns:
        Its path, such as ``model.api_key`` or ``urls[2]``, never its value; None: there is none.
    """
    return next(_suspects(params, ""), None)


def _suspects(value: object, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if _SHAPES.search(value):
            yield path
    elif isinstance(value, Mapping):
        for name, item in value.items():
            where = join(path, name)
            if _SHAPES.search(name):
                yield join(path, "*")  # the name is the secret
            if _NAME.search(name):
                yield where
            yield from _suspects(item, where)
    elif isinstance(value, list | tuple | set | frozenset):
        for at, item in enumerate(value):
            yield from _suspects(item, f"{path}[{at}]")
