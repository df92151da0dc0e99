"""What looks like a secret."""

from __future__ import annotations

import pytest

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
