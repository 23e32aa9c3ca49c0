"""The stack in containers: what can be known of it without running it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from vital_ops.stack.alertmanager import alertmanager
from vital_ops.stack.prometheus import prometheus
from vital_shared.llm.configuration import Configuration, load_configuration
from vital_shared.llm.providers import BUILT_IN

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docker-compose.yml"
TEXT = FILE.read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
ENGINES = ("ai-engine", "ai-engine-embedded", "ai-engine-replica")
ONCE = ("passwords", "setup")
"""Services that end when their work is done."""

each_service = pytest.mark.parametrize("name", SERVICES)


def sample() -> dict[str, str]:
    """Read the sample's variables, and those that are optional, which a # takes out."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    return dict(re.findall(r"^#?([A-Z_]+)=(.*)$", text, flags=re.MULTILINE))


def of_profile(profile: str) -> set[str]:
    return {name for name, each in SERVICES.items() if profile in each["profiles"]}


def folders(name: str) -> list[tuple[str, str]]:
    """What a service mounts: from the repository or a volume, and where."""
    mounts = [mount for mount in SERVICES[name].get("volumes", ()) if ":" in mount]  # others are its own
    return [tuple(mount.split(":")[:2]) for mount in mounts]


def test_it_is_what_the_specification_of_compose_allows():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


WATCHED = {"passwords", "setup", "prometheus", "alertmanager", "grafana", "redis", "postgres"}


def test_each_profile_has_its_part_of_the_stack():
    assert of_profile("embedded") == {"ai-engine-embedded"}
    assert of_profile("full") == {"ai-engine", *WATCHED}
    assert of_profile("scale") == {"ai-engine-replica", "load-balancer", *WATCHED}
    assert sample()["COMPOSE_PROFILES"] == "full"
    for profile in ("embedded", "full", "scale"):
        waited_for = {other for name in of_profile(profile) for other in SERVICES[name].get("depends_on", {})}
        assert waited_for <= of_profile(profile)


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_writes_to_its_data_and_tmp_alone_and_has_no_privileges(name):
    engine = SERVICES[name]
    assert engine["read_only"] is True
    assert engine["tmpfs"] == ["/tmp"]
    assert engine["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in engine["security_opt"]
    assert "user" not in engine
    assert [volume.split(":")[-1] for volume in engine["volumes"]] == ["/data"]


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_handed_the_keys_of_every_provider_and_tool(name):
    environment = SERVICES[name]["environment"]
    keys = {key for provider in BUILT_IN.values() for key in provider.key_env[:1]}
    tools = {"NCBI_API_KEY", "OPENFDA_API_KEY", "BRAVE_API_KEY", "VITAL_CONTACT_EMAIL"}
    traces = {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"}
    assert keys | tools | traces <= set(environment)
    assert environment["VITAL_CONFIG"] == SERVICES[name]["configs"][0]["target"]


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_handed_every_other_setting_from_a_file_that_need_not_be_there(name):
    path = "${VITAL_ENV_FILE:-" + sample()["VITAL_ENV_FILE"] + "}"
    assert SERVICES[name]["env_file"] == [{"path": path, "required": False}]
    assert sample()["VITAL_ENV_FILE"] in (ROOT / ".gitignore").read_text().split()


def test_the_console_of_a_watched_engine_finds_what_watches_it():
    for name in ("ai-engine", "ai-engine-replica"):
        environment = SERVICES[name]["environment"]
        assert environment["VITAL_PROMETHEUS_URL"] == "http://prometheus:9090"
        assert environment["VITAL_ALERTMANAGER_URL"] == "http://alertmanager:9093"


def test_what_an_engine_is_handed_without_a_value_is_unset_where_it_is_not_chosen():
    """Empty texts would be settings."""
    chosen = [line for line in (ROOT / ".env.example").read_text().splitlines() if re.match(r"[A-Z]", line)]
    handed_on = {name for name, value in SERVICES["ai-engine"]["environment"].items() if value is None}
    assert not handed_on & {line.partition("=")[0] for line in chosen}


def test_the_configuration_of_the_sample_is_right():
    config = yaml.safe_load(TEXT)["configs"]["vital"]["file"]
    assert config == "${VITAL_CONFIG_FILE:-" + sample()["VITAL_CONFIG_FILE"] + "}"
    path = ROOT / sample()["VITAL_CONFIG_FILE"]
    load_configuration(path)
    active = re.sub(r"^# (?=[\[a-z_]+\]? ?[=\].\[]?)(?!The|Keys)", "", path.read_text(), flags=re.MULTILINE)
    assert "[providers.inhouse]\n" in active
    Configuration.model_validate(tomllib.loads(active))


def test_the_load_balancer_spreads_over_the_replicas_and_holds_no_stream_back():
    text = (ROOT / "deploy/nginx.conf").read_text(encoding="utf-8")
    assert SERVICES["ai-engine-replica"]["networks"]["default"]["aliases"] == ["ai-engine"]
    assert "server ai-engine:8000 resolve" in text
    assert "proxy_buffering off;" in text
    assert "non_idempotent" not in re.sub("#.*", "", text)
    assert text.count("{") == text.count("}")


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
    engines = {"ai-engine": 8000, "ai-engine-embedded": 8000, "load-balancer": 8000}
    known = engines | {"prometheus": 9090, "alertmanager": 9093, "grafana": 3000}
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


def test_what_watches_has_the_options_of_the_stack_that_a_restart_needs(tmp_path):
    made = [
        *prometheus(tmp_path, "127.0.0.1:9090", tmp_path, "http://x").command,
        *alertmanager(tmp_path, "127.0.0.1:9093", tmp_path, "http://x").command,
    ]
    composed = [*SERVICES["prometheus"]["command"], *SERVICES["alertmanager"]["command"]]
    for name in ("--rules.alert.for-grace-period", "--data.maintenance-interval", "--data.retention"):
        (option,) = (each for each in made if str(each).startswith(f"{name}="))
        assert option in composed


def test_prometheus_looks_for_services_that_are_there():
    configuration = yaml.safe_load((ROOT / "prometheus.yml").read_text(encoding="utf-8"))
    parts = (configuration["scrape_configs"], configuration["alerting"]["alertmanagers"])
    engines, alertmanagers = (part[0] for part in parts)
    assert engines["dns_sd_configs"] == [{"names": ["ai-engine"], "type": "A", "port": 8000}]
    assert alertmanagers["static_configs"] == [{"targets": ["alertmanager:9093"]}]


def test_whom_a_service_waits_for_is_there():
    for each in SERVICES.values():
        for other, wait in each.get("depends_on", {}).items():
            ends = wait["condition"] == "service_completed_successfully"
            assert ends == (other in ONCE)
            assert other in SERVICES


def test_passwords_are_chosen_by_who_runs_it():
    assert SERVICES["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"] == "${GRAFANA_ADMIN_PASSWORD:-}"
    assert SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"] == "${POSTGRES_PASSWORD:-}"
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|KEY|SECRET|WEBHOOK", name):
                assert value is None or str(value).startswith("${"), name
    for name in ("GRAFANA_ADMIN_PASSWORD", "POSTGRES_PASSWORD"):
        assert sample()[name] == ""


def test_no_value_is_demanded_of_a_profile_that_does_not_use_it():
    """Compose reads the values of all profiles, whichever is started."""
    assert ":?" not in re.sub(r"\$\$\{[^}]*\}|^ *#.*$", "", TEXT, flags=re.MULTILINE)


def start(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run what a container runs, as Compose hands it on: a doubled $ is a single one."""
    plain = [part.replace("$$", "$") for part in command]
    return subprocess.run(
        plain, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("chosen", "missing"),
    [
        ({"POSTGRES_PASSWORD": "a", "GRAFANA_ADMIN_PASSWORD": "b"}, None),
        ({"POSTGRES_PASSWORD": "", "GRAFANA_ADMIN_PASSWORD": "b"}, "POSTGRES_PASSWORD"),
        ({"POSTGRES_PASSWORD": "a", "GRAFANA_ADMIN_PASSWORD": ""}, "GRAFANA_ADMIN_PASSWORD"),
    ],
)
def test_a_stack_in_which_a_password_is_missing_does_not_start(chosen, missing):
    done = start(SERVICES["passwords"]["command"], chosen)
    assert (done.returncode == 0) is (missing is None)
    if missing is not None:
        [line] = done.stderr.splitlines()
        assert line.endswith(f"{missing}: choose one in .env")


def test_everything_that_is_watched_waits_for_the_passwords():
    def waits(name: str) -> bool:
        return name == "passwords" or any(waits(other) for other in SERVICES[name].get("depends_on", {}))

    assert all(waits(name) for profile in ("full", "scale") for name in of_profile(profile))
    assert SERVICES["passwords"]["environment"] == {
        name: f"${{{name}:-}}" for name in ("POSTGRES_PASSWORD", "GRAFANA_ADMIN_PASSWORD")
    }


def test_grafana_alone_does_not_start_with_the_password_that_everybody_knows():
    entrypoint = SERVICES["grafana"]["entrypoint"]
    done = start(entrypoint, {"GF_SECURITY_ADMIN_PASSWORD": ""})
    assert done.returncode != 0
    assert done.stderr.endswith("GF_SECURITY_ADMIN_PASSWORD: choose GRAFANA_ADMIN_PASSWORD in .env\n")
    started = [part.replace("/run.sh", "echo started") for part in entrypoint]
    assert start(started, {"GF_SECURITY_ADMIN_PASSWORD": "a b"}).stdout == "started\n"


def test_the_sample_has_what_is_asked_for_and_nothing_else():
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT))  # a doubled $ is the shell's
    handed_on = {name for name, value in SERVICES["ai-engine"]["environment"].items() if value is None}
    assert set(sample()) == asked | handed_on | {"COMPOSE_PROFILES"}
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
