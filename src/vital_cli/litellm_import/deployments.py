"""The deployments of a ``model_list``: each becomes a provider, a model and a share of a route."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import urlsplit

from vital_cli.litellm_import.imported import ImportedConfiguration
from vital_cli.litellm_import.known_providers import KNOWN_PREFIXES, ProviderGuess, split_model
from vital_shared.llm.providers import BUILT_IN

__all__ = ["DeploymentImport"]

REFERENCE: Final = "os.environ/"

_VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

CHAT_MODES: Final = frozenset({"chat", "completion", "responses", ""})

_OPTION_NAMES: Final = frozenset(
    {
        "top_p",
        "top_k",
        "seed",
        "stop",
        "presence_penalty",
        "frequency_penalty",
        "reasoning_effort",
        "thinking",
        "service_tier",
        "logit_bias",
        "user",
        "verbosity",
    }
)
"""Parameters that go into the provider's request as they are."""

_PRICE_FIELDS: Final = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
}
"""Dollars per token, and the field of a price that has them per million."""

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
        *_OPTION_NAMES,
        *_PRICE_FIELDS,
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
        provider, name = self._provider(place, params, model.strip())
        if provider is None or not name:
            return None
        deployment = f"{provider}:{name}"
        self._model(place, deployment, params, info)
        for field in params:
            if field not in _CARRIED_PARAMETERS:
                remark = "is no limit here" if field in ("rpm", "tpm") else "was not carried over"
                self._result.note(f"{place}.litellm_params.{field}", remark)
        return deployment

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
        version = _text(params.get("api_version")) if guess.name == "azure" else ""
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
        if version and not version.startswith(REFERENCE):
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
        if not re.fullmatch(r"https?://[^\s@?#]+", text):
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

    def _timeouts(self, place: str, params: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for theirs, ours in (("timeout", "total_seconds"), ("stream_timeout", "first_token_seconds")):
            seconds = _number(params.get(theirs))
            if seconds is not None and seconds > 0:
                found[ours] = float(seconds)
            elif params.get(theirs) is not None:
                self._result.note(f"{place}.litellm_params.{theirs}", "is no number of seconds above 0")
        retries = _number(params.get("max_retries", params.get("num_retries")))
        if retries is not None and retries >= 0:
            found["attempts"] = min(10, int(retries) + 1)
        return found

    def _model(self, place: str, deployment: str, params: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        table: dict[str, Any] = {}
        longest = _number(params.get("max_tokens", params.get("max_completion_tokens")))
        if longest is not None and longest >= 1:
            table["max_output_tokens"] = int(longest)
        heat = _number(params.get("temperature"))
        if heat is not None and 0 <= heat <= 2:
            table["temperature"] = float(heat)
        context = _number(info.get("max_input_tokens"))
        if context is not None and context >= 1_000:
            table["context_tokens"] = int(context)
        options = {name: params[name] for name in params if name in _OPTION_NAMES and _is_plain(params[name])}
        extra = params.get("extra_body")
        if isinstance(extra, Mapping):
            options |= {str(name): value for name, value in extra.items() if _is_plain(value)}
        if options:
            table["options"] = options
        table |= self._price(place, params, info)
        known = self._result.models.get(deployment)
        if known is not None and table and known != table:
            self._result.note(place, f"{deployment} has other settings further up, which hold")
        elif table:
            self._result.models.setdefault(deployment, table)

    def _price(self, place: str, params: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, Any]:
        price: dict[str, str] = {}
        for theirs, ours in _PRICE_FIELDS.items():
            value = params.get(theirs, info.get(theirs))
            dollars = _number(value)
            if dollars is not None and 0 <= dollars <= 1:
                price[ours] = f"{(dollars * 1_000_000).quantize(Decimal('1e-9')).normalize():f}"
            elif value is not None:
                self._result.note(f"{place}.{theirs}", "is no price per token, and was left out")
        if "input" in price and "output" in price:
            return {"price": price}
        if price:
            self._result.note(place, "has a price without input or output, which was left out")
        base = _text(info.get("base_model"))
        if not base:
            return {}
        prefix, name = split_model(base)
        guess = KNOWN_PREFIXES.get(prefix)
        if guess is None:
            self._result.note(f"{place}.model_info.base_model", "names a model without a known provider")
            return {}
        return {"priced_as": f"{guess.name}:{name}"}


def _is_reference(value: Any) -> bool:
    return _text(value).startswith(REFERENCE)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> dict[str, str]:
    """Return headers; none where one of them could be a secret."""
    if not isinstance(value, Mapping):
        return {}
    texts = {str(name): text for name, text in value.items() if isinstance(text, str)}
    is_secret = any(re.search("auth|key|token|secret", name, re.IGNORECASE) for name in texts)
    has_odd = any(not text.isprintable() or text.startswith(REFERENCE) for text in texts.values())
    return {} if is_secret or has_odd or len(texts) != len(value) else texts


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**12 else None


def _is_plain(value: Any) -> bool:
    """Return whether a value can stand in TOML."""
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_plain(each) for name, each in value.items())
    if isinstance(value, list):
        return all(_is_plain(each) for each in value)
    is_reference = isinstance(value, str) and value.startswith(REFERENCE)
    is_long = isinstance(value, int) and abs(value) >= 2**63
    return isinstance(value, str | int | float | bool) and not is_reference and not is_long


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "import"
