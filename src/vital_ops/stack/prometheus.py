"""Prometheus: its configuration, and how it is run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.stack.program import Program
from vital_ops.stack.programs import PROMETHEUS, find_program

__all__ = ["prometheus", "prometheus_configuration"]

RETENTION: Final = "31d"
"""Error budgets are those of 30 days."""

FOR_GRACE_PERIOD: Final = "1m"
"""The shortest ``for`` that outlives a restart of Prometheus: by default it is 10 minutes, and an alert that
waits for 5 would be pending again for longer than Alertmanager takes it for firing, which is 4."""

CONFIGURATION: Final = """\
global:
  scrape_interval: {interval}
  scrape_timeout: {interval}
  evaluation_interval: {interval}

rule_files:
  - {rules}

{alerting}scrape_configs:
  - job_name: {job}
    authorization:
      credentials_file: {key_file}
{engines}{more_engines}{relabelled}  - job_name: prometheus
    static_configs:
      - targets: [{prometheus}]
{watched_alertmanager}"""

ALERTING: Final = """\
alerting:
  alertmanagers:
    - static_configs:
        - targets: [{alertmanager}]

"""

WATCHED_ALERTMANAGER: Final = """\
  - job_name: alertmanager
    static_configs:
      - targets: [{alertmanager}]
"""

NAMED_ENGINE: Final = """\
    static_configs:
      - targets: [{address}]
"""

RESOLVED_ENGINES: Final = """\
    dns_sd_configs:
      - names: [{name}]
        type: A
        port: {port}
"""
"""All replicas that have the name, as containers of one service do."""

RELABELLED: Final = """\
      - target_label: {name}
        replacement: {value}
"""

MORE_ENGINES: Final = """\
    file_sd_configs:
      - files: [{files}]
"""


def prometheus_configuration(
    *,
    engine: str,
    engine_is_resolved: bool = False,
    prometheus: str,
    alertmanager: str | None,
    rules: str,
    key_file: str,
    more_engines: str | None = None,
    environment: str = "",
    interval: str = "10s",
    target_labels: Mapping[str, str] = DEFAULT_CONFIG.target_labels,
) -> str:
    """Write the configuration.

    :param engine: ``host:port``, as are the next two addresses.
    :param engine_is_resolved: whether its host names several replicas, each of which is read.
    :param prometheus: its own address.
    :param alertmanager: None: alerts go nowhere.
    :param rules: the pattern of the rule files.
    :param key_file: holds a key for all tenants with the scope ``costs``; where the engine asks for none,
        anything. It is read anew with every scrape.
    :param more_engines: the pattern of files that name other engines to be read too.
    :param target_labels: the engines' labels, by which rules and dashboards select them.
    :param environment: the environment's name, a label of all that is scraped; empty: there is no such label.
    """
    own = {name: value for name, value in target_labels.items() if name != "job"}
    alerting = watched = discovered = ""
    relabelled = {"environment": environment} if environment else {}
    if engine_is_resolved:
        name, _, port = engine.rpartition(":")
        engines = RESOLVED_ENGINES.format(name=json.dumps(name), port=port)
        relabelled |= own
    else:
        engines = NAMED_ENGINE.format(address=json.dumps(engine))
        engines += f"        labels: {json.dumps(own)}\n" if own else ""
    if alertmanager is not None:
        alerting = ALERTING.format(alertmanager=json.dumps(alertmanager))
        watched = WATCHED_ALERTMANAGER.format(alertmanager=json.dumps(alertmanager))
    if more_engines is not None:
        discovered = MORE_ENGINES.format(files=json.dumps(more_engines))
    job = target_labels.get("job", "vital")
    values = {"job": job, "prometheus": prometheus, "rules": rules, "key_file": key_file}
    return CONFIGURATION.format(
        interval=interval,
        alerting=alerting,
        engines=engines,
        more_engines=discovered,
        relabelled=_relabelled(relabelled),
        watched_alertmanager=watched,
        **{name: json.dumps(value) for name, value in values.items()},
    )


def _relabelled(labels: Mapping[str, str]) -> str:
    """Give every engine's series labels, such as the environment, which dashboards choose by."""
    if not labels:
        return ""
    literal = {name: value.replace("$", "$$") for name, value in labels.items()}  # a template of Prometheus
    rows = (RELABELLED.format(name=name, value=json.dumps(value)) for name, value in literal.items())
    return "    relabel_configs:\n" + "".join(rows)


def prometheus(folder: Path, address: str, configuration: Path, external_url: str) -> Program:
    """Make the program, with its data and its log in a folder.

    :param external_url: its address in messages.
    :raises ConfigurationError: when it is not on this machine.
    """
    return Program(
        name="Prometheus",
        command=(
            find_program(PROMETHEUS),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--storage.tsdb.retention.time={RETENTION}",
            f"--rules.alert.for-grace-period={FOR_GRACE_PERIOD}",
            f"--web.listen-address={address}",
            f"--web.external-url={external_url}",
            "--web.route-prefix=/",  # whatever path the address has
            "--enable-feature=exemplar-storage",
            "--log.level=warn",
        ),
        ready_url=f"http://{address}/-/ready",
        log=folder / "prometheus.log",
    )
