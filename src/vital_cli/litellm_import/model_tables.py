"""The tables of models: limits, options and prices of deployments."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from vital_cli.litellm_import.imported import ImportedConfiguration
from vital_cli.litellm_import.known_providers import KNOWN_PREFIXES, split_model
from vital_cli.litellm_import.plain_values import holds_secret, is_plain, read_number

__all__ = ["OPTION_NAMES", "PRICE_FIELDS", "ModelTables"]

OPTION_NAMES: Final = frozenset(
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

PRICE_FIELDS: Final = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
}
"""Dollars per token, and the field of a price that has them per million."""

_READ_INFO: Final = frozenset({"mode", "base_model", "max_input_tokens", *PRICE_FIELDS})

_NEEDED_PRICES: Final = ("output_cost_per_token", "input_cost_per_token")
"""The fields without which a price is none."""

MAX_TEMPERATURE: Final = 2

MIN_CONTEXT_TOKENS: Final = 1_000

PRICE_STEP: Final = Decimal("1e-9")
"""The smallest part of a price in dollars per million tokens."""


class ModelTables:
    """The tables of the deployments, each once.

    :param result: takes the tables and the remarks.
    """

    def __init__(self, result: ImportedConfiguration) -> None:
        self._result = result
        self._tables: dict[str, dict[str, Any]] = {}

    def add(self, place: str, deployment: str, params: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        """Add a deployment's table; one that has another further up keeps that."""
        table = self._limits(place, params, info)
        if options := self._options(f"{place}.litellm_params", params):
            table["options"] = options
        table |= self._price(place, params, info)
        for field in info:
            if field not in _READ_INFO:
                self._result.note(f"{place}.model_info.{field}", "was not carried over")
        if self._tables.setdefault(deployment, table) != table:
            self._result.note(place, f"{deployment} has other settings further up, which hold")
        elif table:
            self._result.models[deployment] = table

    def _limits(self, place: str, params: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, Any]:
        table: dict[str, Any] = {}
        at = f"{place}.litellm_params"
        stated = [name for name in ("max_tokens", "max_completion_tokens") if params.get(name) is not None]
        if len({str(params[name]) for name in stated}) > 1:
            self._result.note(f"{at}.max_completion_tokens", "differs from max_tokens, which holds")
        for name in stated[:1]:
            longest = read_number(params[name])
            if longest is not None and longest >= 1 and longest == int(longest):
                table["max_output_tokens"] = int(longest)
            else:
                self._result.note(f"{at}.{name}", "is no whole number above 0, and was left out")
        heat = read_number(params.get("temperature"))
        if heat is not None and 0 <= heat <= MAX_TEMPERATURE:
            table["temperature"] = float(heat)
        elif params.get("temperature") is not None:
            self._result.note(f"{at}.temperature", "is not between 0 and 2, and was left out")
        context = read_number(info.get("max_input_tokens"))
        if context is not None and context >= MIN_CONTEXT_TOKENS:
            table["context_tokens"] = int(context)
        elif info.get("max_input_tokens") is not None:
            self._result.note(
                f"{place}.model_info.max_input_tokens",
                f"is not {MIN_CONTEXT_TOKENS:,} or more, and was left out",
            )
        return table

    def _options(self, at: str, params: Mapping[str, Any]) -> dict[str, Any]:
        stated = {name: value for name, value in params.items() if name in OPTION_NAMES and value is not None}
        options = {
            name: value for name, value in stated.items() if self._may_stand(f"{at}.{name}", name, value)
        }
        extra = params.get("extra_body")
        if extra is not None and not isinstance(extra, Mapping):
            self._result.note(f"{at}.extra_body", "is no table, and was left out")
        for key, value in extra.items() if isinstance(extra, Mapping) else ():
            name = str(key)
            place = f"{at}.extra_body.{name}"
            if not self._may_stand(place, name, value):
                continue
            if name in options and options[name] != value:
                self._result.note(place, f"differs from {name} beside it; that of extra_body holds")
            options[name] = value
        return options

    def _may_stand(self, place: str, name: str, value: object) -> bool:
        if holds_secret(value, name):
            self._result.note(place, "could be a secret, which does not belong in a file, and was left out")
        elif not is_plain(value):
            self._result.note(place, "is a reference, or no value that TOML has, and was left out")
        else:
            return True
        return False

    def _price(self, place: str, params: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, Any]:
        price = self._price_fields(place, params, info)
        base = info.get("base_model")
        missing = [name for name in _NEEDED_PRICES if PRICE_FIELDS[name] not in price]
        if price and not missing:
            if base is not None:
                self._result.note(f"{place}.model_info.base_model", "was not carried over: the price holds")
            return {"price": price}
        if price:
            given = ", ".join(name for name, ours in PRICE_FIELDS.items() if ours in price)
            self._result.note(f"{place}.{given}", f"was left out: a price needs {' and '.join(missing)} too")
        return self._priced_as(f"{place}.model_info.base_model", base)

    def _price_fields(self, place: str, params: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, str]:
        price: dict[str, str] = {}
        for theirs, ours in PRICE_FIELDS.items():
            value, other = params.get(theirs, info.get(theirs)), info.get(theirs)
            if other is not None and read_number(other) != read_number(value):
                self._result.note(f"{place}.model_info.{theirs}", "differs from litellm_params, which hold")
            dollars = read_number(value)
            if dollars is None or not 0 <= dollars <= 1:
                if value is not None:
                    self._result.note(f"{place}.{theirs}", "is no price per token, and was left out")
                continue
            million = (dollars * 1_000_000).quantize(PRICE_STEP)
            if million != dollars * 1_000_000:
                self._result.note(f"{place}.{theirs}", f"was rounded to ${million:f} per million tokens")
            price[ours] = f"{million.normalize():f}"
        return price

    def _priced_as(self, place: str, base: object) -> dict[str, Any]:
        if base is None:
            return {}
        prefix, name = split_model(base) if isinstance(base, str) else ("", "")
        guess = KNOWN_PREFIXES.get(prefix)
        if guess is None or not name:
            self._result.note(place, "names a model without a known provider")
            return {}
        return {"priced_as": f"{guess.name}:{name}"}
