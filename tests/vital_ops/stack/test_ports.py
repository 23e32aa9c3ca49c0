"""Ports that are taken are reported, all at once."""

import socket

import pytest

from vital_ops.stack.ports import check_ports, free_port
from vital_shared.errors import ConfigurationError

HOST = "127.0.0.1"


def test_free_ports_are_fine():
    wanted = {"Prometheus": (HOST, free_port(HOST))}
    assert check_ports(wanted) is None
    with socket.create_server(wanted["Prometheus"]) as taken:  # it was left free
        assert taken.getsockname()[1] == wanted["Prometheus"][1]


def test_all_that_are_taken_are_named_with_who_wants_them():
    with socket.create_server((HOST, 0)) as one, socket.create_server((HOST, 0)) as two:
        ports = [each.getsockname()[1] for each in (one, two)]
        wanted = {
            "Prometheus": (HOST, ports[0]),
            "free": (HOST, free_port(HOST)),
            "Alertmanager": (HOST, ports[1]),
        }
        message = rf"port {ports[0]} \(Prometheus\), {ports[1]} \(Alertmanager\): stop them"
        with pytest.raises(ConfigurationError, match=message):
            check_ports(wanted)
