"""The conversion of the whole file: groups to routes, and settings to those of VITAL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import yaml

from vital_cli.litellm_import.deployments import DeploymentImport
from vital_cli.litellm_import.imported import ImportedConfiguration
from vital_cli.litellm_import.unique_keys import DuplicateKey, read_yaml
from vital_shared.errors import ConfigurationError

__all__ = ["convert", "read_litellm"]

MAX_WEIGHT: Final = 10**12

DEFAULT_REDIS_PORT: Final = 6379

ANY_GROUP: Final = "*"
"""The name of all groups in a list of fallbacks."""

MAX_FALLBACKS: Final = 20
"""Fallbacks that a route may have."""

_HOST: Final = re.compile(r"[A-Za-z0-9.-]+", re.ASCII)

_STRATEGY_NAMES: Final = {
    "simple-shuffle": "share",
    "latency-based-routing": "latency",
    "least-busy": "latency",
    "cost-based-routing": "cost",
    "usage-based-routing": "remaining",
    "usage-based-routing-v2": "remaining",
}

_REMARKS_BY_PLACE: Final = {
    "general_settings.master_key": "make it with `vital keys create --all-tenants --scope admin`",
    "general_settings.database_url": "set VITAL_DATABASE_URL; nothing is read from LiteLLM's database",
    "litellm_settings.max_budget": "budgets are of tenants: `vital budgets set TENANT --daily …`",
    "litellm_settings.budget_duration": "budgets are of a day and of a month",
    "litellm_settings.drop_params": "fields that a provider refuses are left out with the next attempt",
    "litellm_settings.context_window_fallbacks": "the fallbacks of a route hold for every failure",
    "litellm_settings.content_policy_fallbacks": "the fallbacks of a route hold for every failure",
    "router_settings.context_window_fallbacks": "the fallbacks of a route hold for every failure",
    "router_settings.content_policy_fallbacks": "the fallbacks of a route hold for every failure",
    "router_settings.redis_host": "see VITAL_REDIS_URL at the head of the file",
    "router_settings.redis_port": "see VITAL_REDIS_URL at the head of the file",
    "router_settings.redis_password": "put it into VITAL_REDIS_URL: redis://:PASSWORD@host:port",
    "litellm_settings.cache_params": "see the settings of VITAL at the head of the file",
    "router_settings.num_retries": "set attempts at the providers; 3 without it",
    "router_settings.cooldown_time": "a deployment cools down as long as its provider asks, or 5 seconds",
    "router_settings.allowed_fails": "a deployment is left alone after 5 failures in a row",
    "litellm_settings.success_callback": "metrics are at /metrics, traces go to OTEL_EXPORTER_OTLP_ENDPOINT",
    "litellm_settings.failure_callback": "metrics are at /metrics, traces go to OTEL_EXPORTER_OTLP_ENDPOINT",
    "litellm_settings.callbacks": "metrics are at /metrics, traces go to OTEL_EXPORTER_OTLP_ENDPOINT",
}
"""Remarks on settings that are not carried over, by place."""

_CARRIED_PLACES: Final = frozenset(
    {
        "router_settings.routing_strategy",
        "router_settings.fallbacks",
        "router_settings.default_fallbacks",
        "router_settings.model_group_alias",
        "litellm_settings.fallbacks",
        "litellm_settings.default_fallbacks",
    }
)


def read_litellm(path: Path) -> Mapping[str, Any]:
    """Read a file of LiteLLM's.

    :raises ConfigurationError: when it cannot be read, or is no table.
    """
    try:
        content = read_yaml(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The configuration {path} cannot be read: {error}.") from error
    except DuplicateKey as error:
        raise ConfigurationError(
            f'The configuration {path} names "{error.key}" twice in one table, the second time in line '
            f"{error.line}: merge the two."
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        # Its own words quote the file, which may hold keys.
        raise ConfigurationError(f"The configuration {path} is not YAML: check it with a linter.") from error
    if not isinstance(content, Mapping):
        raise ConfigurationError(f"The configuration {path} is not a table: it needs a model_list.")
    return content


def convert(content: Mapping[str, Any], environ: Mapping[str, str]) -> ImportedConfiguration:
    """Convert a configuration.

    :param environ: variables that addresses of providers may refer to; never keys.
    """
    result = ImportedConfiguration()
    variables = _section(content, "environment_variables", result)
    known = {str(name): value for name, value in variables.items() if isinstance(value, str)}
    for name in variables:
        result.note(f"environment_variables.{name}", "set it in the environment of the engine")
    groups = _groups(content.get("model_list"), DeploymentImport(result, dict(environ) | known), result)
    router, settings = (
        _section(content, "router_settings", result),
        _section(content, "litellm_settings", result),
    )
    strategy = _strategy(router, result)
    for name, shares in groups.items():
        result.routes[name] = {"deployments": shares}
        if len(shares) > 1 and strategy != "share":
            result.routes[name]["strategy"] = strategy
    groups_by_alias = _take_aliases(router.get("model_group_alias"), result)
    for place, section in (("router_settings", router), ("litellm_settings", settings)):
        _take_fallbacks(place, section, result)
    for alias, group in groups_by_alias.items():
        _inherit_fallbacks(alias, group, result)
    for place, section in (("router_settings", router), ("litellm_settings", settings)):
        generic = dict(_fallbacks(f"{place}.fallbacks", section.get("fallbacks"), result)).get(ANY_GROUP)
        _take_default_fallbacks(f"{place}.fallbacks.*", generic, result)
        _take_default_fallbacks(f"{place}.default_fallbacks", section.get("default_fallbacks"), result)
    _note_rest(content, result)
    return result


def _section(content: Mapping[str, Any], name: str, result: ImportedConfiguration) -> Mapping[str, Any]:
    section = content.get(name)
    if isinstance(section, Mapping):
        return section
    if section is not None:
        result.note(name, "is no table, and was left out")
    return {}


def _groups(
    listed: Any, deployments: DeploymentImport, result: ImportedConfiguration
) -> dict[str, dict[str, float]]:
    """Return the shares of the deployments of each group."""
    weights: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    if not isinstance(listed, list):
        result.note("model_list", "is not there" if listed is None else "is no list, and was left out")
    for number, entry in enumerate(listed if isinstance(listed, list) else ()):
        place = f"model_list[{number}]"
        if not isinstance(entry, Mapping) or not isinstance(entry.get("litellm_params"), Mapping):
            result.note(place, "has no litellm_params, and was left out")
            continue
        name, params = entry.get("model_name"), entry["litellm_params"]
        for field in entry:
            if field not in ("model_name", "litellm_params", "model_info"):
                result.note(f"{place}.{field}", "was not carried over")
        stated = entry.get("model_info")
        info = stated if isinstance(stated, Mapping) else {}
        if stated is not None and not isinstance(stated, Mapping):
            result.note(f"{place}.model_info", "is no table, and was left out")
        if not isinstance(name, str) or not name.strip() or ":" in name or "*" in name:
            result.note(f"{place}.model_name", "is no name that a route can have; the entry was left out")
            continue
        deployment = deployments.deployment(place, params, info)
        if deployment is not None:
            weights.setdefault(name, []).append((deployment, params))
    return {name: _shares(name, members, result) for name, members in weights.items()}


def _shares(
    name: str, members: Sequence[tuple[str, Mapping[str, Any]]], result: ImportedConfiguration
) -> dict[str, float]:
    """Weigh by ``weight``, else by requests or tokens per minute, where all members state it."""
    fields = ("weight", "rpm", "tpm")
    field = next((each for each in fields if all(_weight(params, each) for _, params in members)), None)
    for stated in fields[: fields.index(field) if field else len(fields)]:
        if len(members) > 1 and any(params.get(stated) is not None for _, params in members):
            remark = f"not every deployment has one above 0; shares are by {field or 'equal parts'}"
            result.note(f"model_list: {stated} of {name}", remark)
    shares: dict[str, float] = {}
    for deployment, params in members:
        shares[deployment] = shares.get(deployment, 0.0) + (_weight(params, field) if field else 1.0)
    return shares


def _weight(params: Mapping[str, Any], field: str) -> float:
    value = params.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 < value < MAX_WEIGHT else 0.0


def _strategy(router: Mapping[str, Any], result: ImportedConfiguration) -> str:
    named = router.get("routing_strategy")
    found = _STRATEGY_NAMES.get(named) if isinstance(named, str) else None
    if named is not None and found is None:
        result.note("router_settings.routing_strategy", "has no counterpart; deployments get their shares")
    elif named == "least-busy":
        result.note(
            "router_settings.routing_strategy", "least-busy is `latency`, which counts calls under way"
        )
    return found or "share"


def _take_aliases(aliases: object, result: ImportedConfiguration) -> dict[str, str]:
    """Add a route for each alias, and return the group of each."""
    taken: dict[str, str] = {}
    if aliases is not None and not isinstance(aliases, Mapping):
        result.note("router_settings.model_group_alias", "is no table, and was left out")
    groups = frozenset(result.routes)
    for alias, target in aliases.items() if isinstance(aliases, Mapping) else ():
        fields = target if isinstance(target, Mapping) else {"model": target}
        group, place = fields.get("model"), f"router_settings.model_group_alias.{alias}"
        if not isinstance(group, str) or group not in groups or ":" in str(alias) or not str(alias).strip():
            result.note(place, "stands for no group that was carried over")
        elif str(alias) in result.routes:
            result.note(place, "is the name of a group too, which holds")
        else:
            result.routes[str(alias)] = dict(result.routes[group])
            taken[str(alias)] = group
        _note_fields(place, fields, result)
    return taken


def _note_fields(place: str, fields: Mapping[Any, Any], result: ImportedConfiguration) -> None:
    for field in fields:
        if field != "model":
            result.note(f"{place}.{field}", "was not carried over")


def _take_fallbacks(place: str, section: Mapping[str, Any], result: ImportedConfiguration) -> None:
    for name, fallbacks in _fallbacks(f"{place}.fallbacks", section.get("fallbacks"), result):
        if name == ANY_GROUP:
            continue
        if name not in result.routes:
            result.note(f"{place}.fallbacks.{name}", "is of no group that was carried over")
            continue
        _add_fallbacks(f"{place}.fallbacks.{name}", name, fallbacks, result)


def _inherit_fallbacks(alias: str, group: str, result: ImportedConfiguration) -> None:
    inherited = [name for name in result.routes[group].get("fallbacks", ()) if name != alias]
    if inherited:
        result.routes[alias] = {"fallbacks": inherited} | result.routes[alias]


def _take_default_fallbacks(place: str, listed: object, result: ImportedConfiguration) -> None:
    """Give the fallbacks to all groups that have none of their own, as LiteLLM does."""
    if listed is not None and not isinstance(listed, list):
        result.note(place, "is no list, and was left out")
    for name in [name for name, route in result.routes.items() if "fallbacks" not in route]:
        _add_fallbacks(place, name, listed if isinstance(listed, list) else [], result)


def _fallbacks(place: str, listed: Any, result: ImportedConfiguration) -> Iterator[tuple[str, Sequence[Any]]]:
    if listed is not None and not isinstance(listed, list):
        result.note(place, "is no list, and was left out")
    for number, each in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(each, Mapping):
            result.note(f"{place}[{number}]", "names no group, and was left out")
            continue
        for name, fallbacks in each.items():
            if isinstance(fallbacks, list):
                yield str(name), fallbacks
            else:
                result.note(f"{place}.{name}", "is no list, and was left out")


def _add_fallbacks(place: str, name: str, fallbacks: Sequence[Any], result: ImportedConfiguration) -> None:
    known = list(result.routes[name].get("fallbacks", ()))
    for fallback in fallbacks:
        fields = fallback if isinstance(fallback, Mapping) else {"model": fallback}
        target = fields.get("model")
        _note_fields(place, fields, result)
        if not isinstance(target, str) or target not in result.routes:
            result.note(place, "names a model that is no group, and was left out")
        elif target != name and target not in known:
            known.append(target)
    if len(known) > MAX_FALLBACKS:
        result.note(place, f"has more than {MAX_FALLBACKS} models; the rest was left out")
    if known:
        result.routes[name] = result.routes[name] | {"fallbacks": known[:MAX_FALLBACKS]}


def _note_rest(content: Mapping[str, Any], result: ImportedConfiguration) -> None:
    """Note each setting that has not been carried over."""
    _take_redis(content, result)
    for section, fields in content.items():
        if section in ("model_list", "environment_variables"):
            continue
        if not isinstance(fields, Mapping):
            if fields is not None:
                result.note(str(section), "was not carried over")
            continue
        for field in fields:
            place = f"{section}.{field}"
            if place not in _CARRIED_PLACES:
                result.note(place, _REMARKS_BY_PLACE.get(place, "was not carried over"))


def _take_redis(content: Mapping[str, Any], result: ImportedConfiguration) -> None:
    settings = content.get("litellm_settings")
    cache = settings.get("cache_params") if isinstance(settings, Mapping) else None
    for fields, prefix in ((content.get("router_settings"), "redis_"), (cache, "")):
        if not isinstance(fields, Mapping):
            continue
        host, port = fields.get(f"{prefix}host"), fields.get(f"{prefix}port", DEFAULT_REDIS_PORT)
        if isinstance(host, str) and _HOST.fullmatch(host) and str(port).isdecimal():
            result.environment.setdefault("VITAL_REDIS_URL", f"redis://{host}:{port}")
    ttl = cache.get("ttl") if isinstance(cache, Mapping) else None
    if isinstance(ttl, int | float) and not isinstance(ttl, bool) and 1 <= ttl < 10**9:
        result.environment["VITAL_CACHE_TTL_SECONDS"] = f"{Decimal(str(ttl)).normalize():f}"
