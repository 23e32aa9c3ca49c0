"""The deployments of a ``model_list``: each becomes a provider, a model and a share of a route."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from vital_cli.litellm_import.imported import ImportedConfiguration
from vital_cli.litellm_import.known_providers import KNOWN_PREFIXES, ProviderGuess, split_model
from vital_cli.litellm_import.model_tables import OPTION_NAMES, PRICE_FIELDS, ModelTables
from vital_cli.litellm_import.plain_values import REFERENCE, holds_secret, read_number
from vital_shared.llm.providers import BUILT_IN

__all__ = ["DeploymentImport"]

_VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

MAX_ATTEMPTS: Final = 10
"""Attempts that a provider may have."""

CHAT_MODES: Final = frozenset({"chat", "completion", "responses", ""})

_CARRIED_PARAMETERS: Final = frozenset(
    {
        "model",
        "api_key",
        "api_base",
        "base_url",
        "api_version",
        "custom_llm_provider",
        "weight",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "timeout",
        "stream_timeout",
        "max_retries",
        "num_retries",
        "extra_headers",
        "extra_body",
        *OPTION_NAMES,
        *PRICE_FIELDS,
    }
)


class DeploymentImport:
    """The import of single deployments.

    :param result: takes the providers, models and remarks.
    :param environ: variables that addresses may refer to.
    """

    def __init__(self, result: ImportedConfiguration, environ: Mapping[str, str]) -> None:
        self._result = result
        self._environ = environ
        self._names: dict[tuple[str, ...], str] = {}
        self._models = ModelTables(result)

    def deployment(self, place: str, params: Mapping[str, Any], info: Mapping[str, Any]) -> str | None:
        """Import one, and return its ``provider:model``; None: it cannot be carried over."""
        model = params.get("model")
        if not isinstance(model, str) or not model.strip():
            self._result.note(place, "has no litellm_params.model, and was left out")
            return None
        mode = str(info.get("mode") or "")
        if mode not in CHAT_MODES:
            self._result.note(place, f'serves "{mode}", not chats, and was left out')
            return None
        if "*" in model:
            self._result.note(place, "is a wildcard; every model can be named as provider:model")
            return None
        self._note_clashes(f"{place}.litellm_params", params)
        provider, name = self._provider(place, params, model.strip())
        if provider is None or not name:
            return None
        deployment = f"{provider}:{name}"
        self._models.add(place, deployment, params, info)
        for field in params:
            if field not in _CARRIED_PARAMETERS:
                remark = "is no limit here" if field in ("rpm", "tpm") else "was not carried over"
                self._result.note(f"{place}.litellm_params.{field}", remark)
        return deployment

    def _note_clashes(self, at: str, params: Mapping[str, Any]) -> None:
        if params.get("base_url") not in (None, "", params.get("api_base") or params.get("base_url")):
            self._result.note(f"{at}.base_url", "differs from api_base, which holds")
        if params.get("custom_llm_provider") is not None and not _text(params["custom_llm_provider"]):
            self._result.note(f"{at}.custom_llm_provider", "is no name of a provider")

    def _provider(self, place: str, params: Mapping[str, Any], model: str) -> tuple[str | None, str]:
        prefix, name = split_model(model, _text(params.get("custom_llm_provider")))
        stated = params.get("api_base") or params.get("base_url")
        address = self._address(place, stated)
        has_public_address = not prefix.startswith("azure")
        if stated and not address and (has_public_address or not _is_reference(stated)):
            # Without its address, the provider's public one would get what was meant for another server.
            self._result.note(place, "has no address that can be used, and was left out")
            return None, ""
        guess = KNOWN_PREFIXES.get(prefix)
        if guess is None and address:
            guess = ProviderGuess("openai")
        if guess is None:
            self._result.note(
                place, f'the provider of "{model}" has no counterpart here, and the deployment was left out'
            )
            return None, name
        key = self._key(place, params.get("api_key"), guess)
        version = self._version(place, params.get("api_version"), guess)
        headers = _texts(params.get("extra_headers"))
        if params.get("extra_headers") and not headers:
            self._result.note(f"{place}.litellm_params.extra_headers", "was not carried over")
        table: dict[str, Any] = {}
        if guess.base_url:
            table = {"wire": "openai", "base_url": guess.base_url, "key_env": guess.key_env}
        if address:
            table["base_url"] = address
        if key is not None and (key or address):
            table["key_env"] = key
        if version:
            table["api_version"] = version
        if headers:
            table["headers"] = headers
        table |= self._timeouts(place, params)
        return self._named(guess, table), name

    def _named(self, guess: ProviderGuess, table: dict[str, Any]) -> str:
        """Return the name of the provider with these settings, which is made where it is new."""
        identity = (guess.name, repr(sorted(table.items())))
        if identity in self._names:
            return self._names[identity]
        wanted = guess.name
        if not guess.base_url and table:
            host = urlsplit(table.get("base_url", "")).hostname or ""
            label = host.split(".")[0] if re.search("[a-z]", host) else host.replace(".", "-")
            wanted = f"{guess.name}-{_slug(label or table.get('key_env', '') or 'import')}"
            table = {"like": guess.name} | table
        name, number = wanted, 2
        while name in self._result.providers:
            name, number = f"{wanted}-{number}", number + 1
        if table:
            self._result.providers[name] = table
        self._names[identity] = name
        return name

    def _address(self, place: str, value: Any) -> str:
        text = _text(value)
        if text.startswith(REFERENCE):
            variable = text.removeprefix(REFERENCE)
            text = self._environ.get(variable, "")
            if not text:
                self._result.note(
                    f"{place}.litellm_params.api_base",
                    f"refers to {variable}, which is not set: set base_url at its provider by hand",
                )
        text = text.strip().rstrip("/")
        if not text:
            return ""
        if not re.fullmatch(r"https?://[^\s@?#]+", text) or holds_secret(text):
            self._result.note(f"{place}.litellm_params.api_base", "is no address that can be used")
            return ""
        return text

    def _key(self, place: str, value: Any, guess: ProviderGuess) -> str | None:
        """Return the variable that holds the key; None: the one that VITAL reads anyway."""
        text = _text(value)
        variable = text.removeprefix(REFERENCE) if text.startswith(REFERENCE) else guess.key_env
        if text and not text.startswith(REFERENCE):
            if not guess.key_env:
                return ""
            self._result.note(
                f"{place}.litellm_params.api_key",
                f"holds a key, which does not belong in a file: put it into {guess.key_env}",
            )
        known = BUILT_IN.get(guess.name)
        is_read_anyway = known is not None and variable in known.key_env
        return variable if _VARIABLE_NAME.fullmatch(variable) and not is_read_anyway else None

    def _version(self, place: str, value: object, guess: ProviderGuess) -> str:
        text = _text(value)
        if text and not text.startswith(REFERENCE) and guess.name == "azure":
            return text
        if value not in (None, ""):
            remark = "set api_version at its provider" if guess.name == "azure" else "is of Azure alone"
            self._result.note(f"{place}.litellm_params.api_version", f"{remark}; was not carried over")
        return ""

    def _timeouts(self, place: str, params: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for theirs, ours in (("timeout", "total_seconds"), ("stream_timeout", "first_token_seconds")):
            seconds = read_number(params.get(theirs))
            if seconds is not None and seconds > 0:
                found[ours] = float(seconds)
            elif params.get(theirs) is not None:
                self._result.note(f"{place}.litellm_params.{theirs}", "is no number of seconds above 0")
        stated = {
            name: params[name] for name in ("max_retries", "num_retries") if params.get(name) is not None
        }
        if len(set(map(str, stated.values()))) > 1:
            self._result.note(f"{place}.litellm_params.num_retries", "differs from max_retries, which holds")
        for name, value in list(stated.items())[:1]:
            retries = read_number(value)
            if retries is None or retries < 0 or retries != int(retries):
                self._result.note(f"{place}.litellm_params.{name}", "is no number of retries")
                continue
            found["attempts"] = min(MAX_ATTEMPTS, int(retries) + 1)
            if retries >= MAX_ATTEMPTS:
                self._result.note(f"{place}.litellm_params.{name}", f"is {MAX_ATTEMPTS - 1} here, the most")
        return found


def _is_reference(value: Any) -> bool:
    return _text(value).startswith(REFERENCE)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> dict[str, str]:
    """Return headers; none where one of them could be a secret."""
    if not isinstance(value, Mapping):
        return {}
    texts = {str(name): text for name, text in value.items() if isinstance(text, str)}
    has_odd = any(not text.isprintable() or text.startswith(REFERENCE) for text in texts.values())
    return {} if holds_secret(value) or has_odd or len(texts) != len(value) else texts


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "import"
