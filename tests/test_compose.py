"""The stack in containers: what can be known of it without running it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docker-compose.yml"
TEXT = FILE.read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
ONCE = ("setup",)
"""Services that end when their work is done."""

each_service = pytest.mark.parametrize("name", SERVICES)


def sample() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def folders(name: str) -> list[tuple[str, str]]:
    """What a service mounts: from the repository or a volume, and where."""
    return [tuple(mount.split(":")[:2]) for mount in SERVICES[name].get("volumes", ())]


def test_it_is_what_the_specification_of_compose_allows():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_all_of_the_stack_is_there():
    assert set(SERVICES) - set(ONCE) == {
        "ai-engine",
        "prometheus",
        "alertmanager",
        "grafana",
        "redis",
        "postgres",
    }


@each_service
def test_an_image_has_a_tag_that_stays(name):
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    assert image
    assert re.search(r"\d+\.\d+", tag), tag


@each_service
def test_nothing_is_published_beyond_this_machine(name):
    ports = SERVICES[name].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "network_mode" not in SERVICES[name]


def test_ports_are_those_that_everybody_knows():
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    known = {"ai-engine": 8000, "prometheus": 9090, "alertmanager": 9093, "grafana": 3000}
    assert published == {name: [f"127.0.0.1:{port}:{port}"] for name, port in known.items()}


@each_service
def test_a_service_that_stays_is_checked_and_starts_again(name):
    if name not in ONCE:
        assert SERVICES[name]["healthcheck"]["test"]
        assert SERVICES[name]["restart"] == "unless-stopped"


@each_service
def test_what_is_mounted_is_there(name):
    volumes = yaml.safe_load(TEXT)["volumes"]
    for source, _ in folders(name):
        assert (ROOT / source).exists() if source.startswith("./") else source in volumes, source


def test_the_files_of_the_repository_are_where_the_programs_look():
    assert ("./prometheus.yml", "/etc/prometheus/prometheus.yml") in folders("prometheus")
    assert ("./grafana-dashboards", "/etc/grafana/provisioning/dashboards") in folders("grafana")
    assert ("./grafana-dashboards/datasources", "/etc/grafana/provisioning/datasources") in folders("grafana")
    configuration = yaml.safe_load((ROOT / "prometheus.yml").read_text(encoding="utf-8"))
    (rules,) = configuration["rule_files"]
    assert ("./prometheus-rules", str(Path(rules).parent)) in folders("prometheus")
    scrape, *others = configuration["scrape_configs"]
    assert [other["job_name"] for other in others] == ["prometheus", "alertmanager"]
    assert ("watch", str(Path(scrape["authorization"]["credentials_file"]).parent)) in folders("prometheus")


def test_prometheus_looks_for_services_that_are_there():
    configuration = yaml.safe_load((ROOT / "prometheus.yml").read_text(encoding="utf-8"))
    parts = (configuration["scrape_configs"], configuration["alerting"]["alertmanagers"])
    targets = [target for part in parts for one in part[0]["static_configs"] for target in one["targets"]]
    assert targets == ["ai-engine:8000", "alertmanager:9093"]


def test_whom_a_service_waits_for_is_there():
    for each in SERVICES.values():
        for other, wait in each.get("depends_on", {}).items():
            ends = wait["condition"] == "service_completed_successfully"
            assert ends == (other in ONCE)
            assert other in SERVICES


def test_passwords_are_chosen_by_who_runs_it():
    assert SERVICES["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"].startswith(
        "${GRAFANA_ADMIN_PASSWORD:?"
    )
    assert SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|KEY|SECRET|WEBHOOK", name):
                assert str(value).startswith("${"), name


def test_the_sample_has_what_is_asked_for_and_nothing_else():
    asked = re.findall(r"\$\{(\w+)", TEXT)
    assert set(sample()) == set(asked)
    assert not {"VITAL_SLACK_WEBHOOK_URL", "OPENAI_API_KEY"} & {
        name for name, value in sample().items() if value
    }


def test_the_real_file_is_not_kept():
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_what_the_image_is_built_from_is_there_and_sent():
    dockerfile = (ROOT / SERVICES["ai-engine"]["build"]["dockerfile"]).read_text(encoding="utf-8")
    sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, flags=re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name
        assert f"!{name}" in sent
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["force-include"]) <= set(" ".join(copied).split())
    assert all(
        re.search(r":\d+\.\d+\.\d+", base)
        for base in re.findall(r"^FROM (\S+)", dockerfile, flags=re.MULTILINE)
    )
    assert re.search(r"^USER (?!root)", dockerfile, flags=re.MULTILINE)
