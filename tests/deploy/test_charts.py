"""The Helm charts, rendered and checked against Kubernetes' schemas; no cluster has seen them."""

import json
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml
from tests.deploy.chart import render
from tests.deploy.schemas import PROMETHEUS_RULE, SERVICE_MONITOR

from vital_ops.dashboards.files import dashboard_files
from vital_ops.kubernetes import chart_files
from vital_ops.rules.files import rule_files
from vital_shared.version import __version__

ROOT = Path(__file__).parents[2]
ENGINE, WATCH = ROOT / "deploy/helm/vital", ROOT / "deploy/helm/vital-monitoring"
MEASURED = ("1.28.0", kubernetes_validate.latest_version())
"""The oldest Kubernetes that the charts name, and the newest one whose schemas there are."""

OTHER_VALUES = {
    "replicas": 5,
    "config": '[workflows]\nreport = "a:B"  # {{ no action }}\n',
    "tolerations": [{"key": "llm", "operator": "Exists"}],
    "nodeSelector": {"disk": "ssd"},
}


def of_kind(documents, kind):
    return [each for each in documents if each["kind"] == kind]


@pytest.mark.parametrize("version", MEASURED)
@pytest.mark.parametrize("values", [{}, OTHER_VALUES], ids=["own", "others"])
def test_every_resource_of_the_engine_is_what_kubernetes_allows(version, values):
    documents = render(ENGINE, "answers", values)
    assert len(documents) == 5
    for each in documents:
        kubernetes_validate.validate(each, version, strict=True)


def test_dashboards_are_what_kubernetes_allows_and_those_of_the_code():
    boards = {}
    for each in of_kind(render(WATCH), "ConfigMap"):
        kubernetes_validate.validate(each, MEASURED[1], strict=True)
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        boards |= each["data"]
    built = {name: text for name, text in dashboard_files().items() if name.endswith(".json")}
    assert {name: json.loads(text) for name, text in boards.items()} == {
        name: json.loads(text) for name, text in built.items()
    }


def test_the_rules_are_those_of_the_code_in_a_resource_of_the_operator():
    (resource,) = of_kind(render(WATCH), "PrometheusRule")
    jsonschema.validate(resource, PROMETHEUS_RULE)
    built = [group for text in rule_files().values() for group in yaml.safe_load(text)["groups"]]
    assert resource["spec"]["groups"] == built
    assert "{{ $" in str(built), "templates of Prometheus stay as they are"


def test_the_monitor_finds_the_service_of_the_engine_and_names_its_job_as_rules_do():
    (monitor,) = of_kind(render(WATCH, values={"engine": "answers"}), "ServiceMonitor")
    jsonschema.validate(monitor, SERVICE_MONITOR)
    (service,) = of_kind(render(ENGINE, "answers"), "Service")
    labels = service["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert labels[monitor["spec"]["jobLabel"]] == "vital"
    assert monitor["spec"]["endpoints"][0]["port"] in [port["name"] for port in service["spec"]["ports"]]


def test_the_templates_that_are_built_are_what_the_code_builds():
    built = chart_files()
    assert {path: (ROOT / path).read_text(encoding="utf-8") for path in built} == built


def test_the_engine_is_not_root_and_writes_to_its_volumes_alone():
    (deployment,) = of_kind(render(ENGINE), "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (engine,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert engine["securityContext"]["readOnlyRootFilesystem"] is True
    assert engine["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    written = [mount["mountPath"] for mount in engine["volumeMounts"] if not mount.get("readOnly")]
    assert written == ["/data", "/tmp"]
    assert {volume["name"] for volume in pod["volumes"]} == {
        mount["name"] for mount in engine["volumeMounts"]
    }


def test_no_variable_of_a_service_takes_the_place_of_a_setting():
    """Kubernetes sets VITAL_PORT=tcp://… in pods beside a service of the name vital."""
    (deployment,) = of_kind(render(ENGINE), "Deployment")
    assert deployment["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_a_stopping_engine_has_the_time_that_it_takes():
    (deployment,) = of_kind(render(ENGINE), "Deployment")
    given = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    environment = yaml.safe_load((ENGINE / "values.yaml").read_text(encoding="utf-8"))["environment"]
    needed = int(environment["VITAL_LAME_DUCK_SECONDS"]) + int(environment["VITAL_SHUTDOWN_SECONDS"])
    assert given >= needed + 10


def test_the_configuration_arrives_as_it_is_written():
    config, _ = of_kind(render(ENGINE, values=OTHER_VALUES), "ConfigMap")
    assert config["data"]["vital.toml"] == OTHER_VALUES["config"]


def test_a_template_with_more_than_values_is_refused(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "values.yaml").write_text("a: 1")
    (tmp_path / "Chart.yaml").write_text("name: a")
    (tmp_path / "templates/a.yaml").write_text("{{ if .Values.a }}a: 1{{ end }}")
    with pytest.raises(AssertionError, match="no value is substituted"):
        render(tmp_path)


@pytest.mark.parametrize("chart", [ENGINE, WATCH], ids=["engine", "watch"])
def test_a_chart_has_the_version_of_the_package(chart):
    facts = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    assert facts["appVersion"] == __version__
    assert facts["apiVersion"] == "v2"
