"""Tokens of a company's identity provider, verified (RFC 7519, with the advice of RFC 8725)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError

from ai_engine.auth.caller import NotAuthenticated
from ai_engine.auth.identity import Identity
from ai_engine.auth.signing_keys import KeysAway, SigningKeys, fetch_key_set
from ai_engine.settings import ServerSettings
from vital_shared.models.api_key import Scope

__all__ = ["ALGORITHMS", "ALL_TENANTS", "IdentityTokens", "TokenClaims", "open_identity_tokens"]

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA",
)  # fmt: skip
"""Signatures by a private key alone: with a shared secret, the verifier could sign as well."""

LEEWAY_SECONDS: Final = 30
"""The difference between the provider's clock and ours that is forgiven."""

MAX_TOKEN_CHARACTERS: Final = 16_384

SCOPES: Final[Mapping[str, Scope]] = {"vital:ask": "ask", "vital:costs": "costs", "vital:admin": "admin"}
ALL_TENANTS: Final = "vital:all-tenants"
"""The scope of a token for all tenants; without it, a token without a tenant is refused."""

TOKEN: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """The expected values of a token, and the names of the claims that are read."""

    issuer: str
    audience: str
    tenant: str = "tenant"
    user: str = "sub"
    scope: str = "scope"


def open_identity_tokens(settings: ServerSettings, now: Callable[[], datetime]) -> IdentityTokens:
    """Make the verification of the tokens of the settings' identity provider; nothing is asked of it yet."""
    claims = TokenClaims(
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        tenant=settings.jwt_tenant_claim,
        user=settings.jwt_user_claim,
        scope=settings.jwt_scope_claim,
    )
    return IdentityTokens(claims, SigningKeys(partial(fetch_key_set, settings.jwt_jwks_url)), now)


class IdentityTokens:
    """The verification of tokens.

    :param now: the time, by which tokens expire.
    """

    def __init__(self, claims: TokenClaims, keys: SigningKeys, now: Callable[[], datetime]) -> None:
        self._claims = claims
        self._keys = keys
        self._now = now
        self._registry = jwt.JWTClaimsRegistry(
            now=lambda: int(now().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": claims.issuer},
            aud={"essential": True, "value": claims.audience},
            exp={"essential": True},
        )

    async def verify(self, text: str) -> Identity:
        """Return the identity that a token vouches for.

        :raises NotAuthenticated: when it cannot be used, saying why without repeating any of it.
        """
        try:
            claims = await self._verified(text)
            self._registry.validate(claims)
        except KeysAway as error:
            raise refused(str(error), is_false=False) from error
        except ExpiredTokenError as error:
            raise refused("The token has expired: sign in again.", is_false=False) from error
        except JoseError as error:
            raise refused(f"The token cannot be used: {_reason(error)}.") from error
        return self._identity(claims)

    async def _verified(self, text: str) -> dict[str, Any]:
        """Return the claims of a token whose signature is right.

        :raises NotAuthenticated: when it is none, or is signed in a way or by a key that is not accepted.
        :raises KeysAway: when the keys cannot be had.
        """
        if len(text) > MAX_TOKEN_CHARACTERS or not TOKEN.fullmatch(text):
            raise refused("The Authorization header contains no readable token.")
        header = jws.extract_compact(text.encode()).headers()
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS or not isinstance(kid, str | None):
            raise refused("The token is not signed in a way that is accepted here.")
        key = await self._keys.find(kid)
        if key is None:
            raise refused("The token is signed with a key that the identity provider does not name.")
        return jwt.decode(text, key, algorithms=[algorithm]).claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        """Read the claims that say whose the token is.

        :raises NotAuthenticated: when one is missing or cannot be.
        """
        names = self._claims
        granted = _words(claims.get(names.scope))
        tenant = claims.get(names.tenant)
        if tenant is None and ALL_TENANTS not in granted:
            raise refused(
                f'The token names no tenant: give it the claim "{names.tenant}", or the scope {ALL_TENANTS}.'
            )
        try:
            return Identity(
                tenant_id=tenant,
                user_id=claims.get(names.user) or "",
                scopes=tuple(scope for name, scope in SCOPES.items() if name in granted),
                expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
            )
        except (ValueError, OverflowError, OSError) as error:
            raise refused(
                f'The token\'s claims "{names.tenant}" and "{names.user}" have to be 1 to 128 letters, '
                "digits and _ . : @ -: name others in VITAL_JWT_TENANT_CLAIM and VITAL_JWT_USER_CLAIM."
            ) from error


def refused(message: str, *, is_false: bool = True) -> NotAuthenticated:
    """Return the refusal of a token.

    :param is_false: whether it counts as an attempt with a false one, which is slowed down.
    """
    error = NotAuthenticated(message, error="invalid_token")
    error.has_false_key = is_false
    return error


def _words(value: object) -> frozenset[str]:
    """Read scopes: a text with blanks between (RFC 8693, section 4.2), or a list."""
    if isinstance(value, str):
        return frozenset(value.split(" "))
    return (
        frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset()
    )


def _reason(error: JoseError) -> str:
    reasons = {
        "bad_signature": "its signature is wrong",
        "missing_claim": "it lacks its issuer, audience or expiry",
        "invalid_claim": "it is of another issuer, for another audience, or not valid yet",
    }
    return reasons.get(error.error, "it is no signed token of the identity provider")
