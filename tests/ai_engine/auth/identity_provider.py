"""An identity provider on a local socket; it signs with PyJWT, not with the library that verifies here."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from tests.local_server import local_server

AUDIENCE = "vital"

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()

SECRET = "a shared secret that is long enough for HS256"


def published(key: Any, kid: str, **more: str) -> dict[str, Any]:
    """A public key as a key set has it."""
    kinds = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    algorithm = next((each for kind, each in kinds.items() if isinstance(key, kind)), OKPAlgorithm)
    return json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"} | more


class IdentityProvider:
    """A provider whose keys, and whose failures, a test chooses."""

    def __init__(self) -> None:
        self.url = ""
        self.keys = [published(RSA, "rsa"), published(EC, "ec"), published(ED, "ed")]
        self.asked = 0
        self.answer: web.Response | None = None

    @property
    def settings(self) -> dict[str, str]:
        """The settings of an engine that takes its tokens."""
        return {
            "jwt_issuer": self.url,
            "jwt_jwks_url": f"{self.url}/jwks",
            "jwt_audience": AUDIENCE,
        }

    async def handle(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.answer is not None:
            return web.Response(status=self.answer.status, headers=self.answer.headers, body=self.answer.body)
        return web.json_response({"keys": self.keys})

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of ann's at acme; None leaves one out."""
        now = datetime.now(UTC)
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ann",
            "tenant": "acme",
            "scope": "openid vital:ask",
            "iat": now,
            "exp": now + timedelta(minutes=5),
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self,
        *,
        key: Any = RSA,
        kid: str | None = "rsa",
        algorithm: str = "RS256",
        headers: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        header = {} if kid is None else {"kid": kid}
        return jwt.encode(self.claims(**changes), key, algorithm=algorithm, headers=header | (headers or {}))


@asynccontextmanager
async def serving_keys(provider: IdentityProvider) -> AsyncIterator[IdentityProvider]:
    app = web.Application()
    app.router.add_get("/jwks", provider.handle)
    async with local_server(app) as provider.url:
        yield provider


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
