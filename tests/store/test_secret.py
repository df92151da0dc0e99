"""What looks like a secret."""

from __future__ import annotations

import itertools
import random
import string
import time

import pytest

from sweeper.secret_shapes import hide_secrets
from sweeper.store.secret import secret_in

# Assembled here, so that no scanner of the repository takes them for real.
TOKENS = {
    "amazon": "AKIA" + "IOSFODNN7EXAMPLE",
    "github": "ghp_" + "a1B2" * 9,
    "github fine-grained": "github_pat_" + "11ABCDE0_" * 5,
    "gitlab": "glpat-" + "x1y2z3_4-5" * 2,
    "hugging face": "hf_" + "AbCdEfGhIj" * 4,
    "openai": "sk-" + "a1b2c3d4e5" * 5,
    "openai project": "sk-proj-" + "A1_b-" * 10,
    "anthropic": "sk-ant-api03-" + "Zz9-" * 12,
    "slack bot": "xoxb-" + "123456789012-abcdef",
    "slack user": "xoxp-" + "123456789012-abcdef",
    "google": "AIza" + "Sy0123456789-_abcdefghijklmnopqrstu",
    "stripe": "sk_live_" + "4eC39HqLyjWDarjtT1",
    "jwt": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN",
    "pem": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE",
    "url": "https://alice:" + "hunter2@example.org/data",
    "url without password": "s3://" + "token@bucket/data",
    "inside a text": "--auth=" + "ghp_" + "Z9" * 18 + " --fast",
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_known_shapes(token: str) -> None:
    """A value with a known token shape is found, wherever it is nested."""
    assert secret_in({"x": token}) == "x"
    assert secret_in({"model": {"hub": ["plain", token]}}) == "model.hub[1]"


@pytest.mark.parametrize(
    "name",
    [
        *("password", "api_key", "apikey", "API-KEY", "secret", "client_secret", "passwd"),
        *("openai.api_key", "hub_access_token", "private_key", "credentials", "aws-credential"),
    ],
)
def test_telling_names(name: str) -> None:
    """A parameter with a telling name is found whatever its value is."""
    assert secret_in({name: 1}) == name
    assert secret_in({"model": {name: ""}}) == f"model.{name}"


@pytest.mark.parametrize(
    "params",
    [
        {"use_cls_token": True, "max_tokens": 128, "key_dim": 64, "num_keys": 3},
        {"secret_ratio": 0.1, "password_length": 8, "tokenizer": "bpe", "api": "v1"},
        {"estimator": "sk-learn-random-forest-classifier", "model": "hf_internal_testing/tiny"},
        {"url": "https://example.org/a@b", "mail": "alice@example.org", "uri": "s3://bucket/key"},
        {"commit": "9fceb02d0ae598e95dc970b74767f19372d61af8", "risk": "risk-adjusted-return-2020"},
        {"layers": [64, 32], "none": None, "rate": 1e-3},
    ],
    ids=["tokens", "names", "models", "addresses", "digests", "numbers"],
)
def test_ordinary_parameters(params: dict[str, object]) -> None:
    """Ordinary hyperparameters are not taken for secrets."""
    assert secret_in(params) is None


def test_secret_as_a_name_is_not_echoed() -> None:
    """A token that is a mapping's key is found without being repeated."""
    assert secret_in({"hub": {TOKENS["github"]: 1}}) == "hub.*"


# Fifty tokens: what is fixed in each shape, and how many random characters follow.
SHAPES = [
    ("AKIA", 16, string.ascii_uppercase + string.digits),
    ("ASIA", 16, string.ascii_uppercase + string.digits),
    *((f"gh{kind}_", 36, string.ascii_letters + string.digits) for kind in "opsur"),
    ("github_pat_", 40, string.ascii_letters + string.digits + "_"),
    *((f"gl{kind}-", 20, string.ascii_letters + string.digits) for kind in ("pat", "ptt", "dt")),
    ("hf_", 34, string.ascii_letters),
    ("sk-proj-4", 40, string.ascii_letters + string.digits + "-_"),
    ("sk-ant-api03-", 60, string.ascii_letters + string.digits + "-_"),
    *((f"{kind}_live_", 24, string.ascii_letters + string.digits) for kind in ("sk", "rk")),
    ("sk_test_", 24, string.ascii_letters + string.digits),
    *((f"xox{kind}-", 24, string.digits + string.ascii_lowercase) for kind in "abeoprs"),
    ("AIza", 35, string.ascii_letters + string.digits + "-_"),
    ("dckr_pat_", 27, string.ascii_letters + string.digits + "-_"),
]


def test_all_of_fifty_tokens_are_found_and_hidden() -> None:
    """Recall 1.0, as a parameter and in the text of an error."""
    draw = random.Random(3)
    tokens = []
    for (prefix, length, letters), _ in zip(itertools.cycle(SHAPES), range(50), strict=False):
        tokens.append(prefix + "".join(draw.choices(letters, k=length)))
    assert len(set(tokens)) == 50
    missed = [token for token in tokens if secret_in({"x": token}) is None]
    assert missed == []
    shown = [token for token in tokens if token in hide_secrets(f"HTTP 401 for {token} at hub")]
    assert shown == []


def test_of_three_hundred_names_hardly_one_is_taken_for_a_secret() -> None:
    """Precision: what people call hyperparameters says token, key and secret often enough."""
    first = ["use", "num", "max", "min", "enable", "cls", "mask", "pad", "query", "sort",
             "secret", "public", "token", "key", "password", "auth", "api", "hidden", "word",
             "primary"]  # fmt: skip
    last = ["cls_token", "tokens", "token_dim", "keys", "key_dim", "value_heads", "token_type",
            "keyframes", "access_tokens_per_s", "secrets_ratio", "key_padding", "credential_loss",
            "password_strength", "tokenizer", "api_version"]  # fmt: skip
    names = [f"{one}_{other}" for one in first for other in last]
    assert len(names) == 300
    taken = [name for name in names if secret_in({name: 1}) is not None]
    assert len(taken) <= 15


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("connect postgres://ann:hunter2@db/lab failed", "connect postgres://***@db/lab failed"),
        ("bad api_key='abc def' given", "bad api_key=*** given"),
        ("password: hunter2, retry", "password: ***, retry"),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"),
        ("-----BEGIN RSA PRIVATE KEY-----\\nMIIEabc", "***"),
        ("ValueError: width must be 8, got 7", "ValueError: width must be 8, got 7"),
        ("KeyError: 'token_dim'", "KeyError: 'token_dim'"),
        ("see https://example.org/a@b", "see https://example.org/a@b"),
    ],
)
def test_errors_are_shown_without_secrets(text: str, shown: str) -> None:
    """The rest of the text stays; hiding twice changes nothing."""
    assert hide_secrets(text) == shown
    assert hide_secrets(shown) == shown


@pytest.mark.parametrize("text", ["x", "a.", "eyJ", "sk-", "a:", "password", "=' ", "://"])
def test_a_long_text_takes_no_time_to_look_through(text: str) -> None:
    """A message of 100 kB without a blank is seconds in a pattern that starts anywhere."""
    began_s = time.monotonic()
    hide_secrets((text * 100_000)[:100_000])
    assert time.monotonic() - began_s < 3
