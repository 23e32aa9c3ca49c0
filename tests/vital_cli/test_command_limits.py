"""`vital limits`, with the commands of the guide."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

GUIDE = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")


def test_the_guides_limits_are_set_listed_and_removed(vital, empty_dir) -> None:
    section = GUIDE.partition("### Limits of organisations, keys and users\n")[2].partition("\n## ")[0]
    (commands,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    for line in commands.splitlines():
        command, *arguments = shlex.split(line, comments=True)
        assert command == "vital"
        assert vital(*arguments).exit_code == 0
    limits = json.loads(vital("limits", "list", "--json").stdout)
    assert [(each["level"], each["id"], each["amount"], each["unit"]) for each in limits] == [
        ("organisation", "umbrella", "5000", "dollars"),
        ("tenant", "acme", "200000", "tokens"),
        ("key", "key_5e0c", "500000", "tokens"),
        ("user", "ann", "2", "dollars"),
    ]
    organisations = json.loads(vital("limits", "organisations", "--json").stdout)
    assert organisations == [{"organisation_id": "umbrella", "tenants": ["acme"]}]
    assert vital("limits", "remove", limits[0]["limit_id"]).exit_code == 0
    assert vital("limits", "leave", "acme", "umbrella").exit_code == 0
    assert len(json.loads(vital("limits", "list", "--json").stdout)) == 3
    actions = [each["action"] for each in json.loads(vital("audit", "--json").stdout)["entries"]]
    assert actions[:2] == ["organisation_left", "limit_removed"]


def test_a_user_without_a_tenant_is_refused(vital, empty_dir) -> None:
    done = vital("limits", "set", "user", "ann", "2", "dollars", "day")
    assert done.exit_code != 0
    assert "tenant_id" in done.stderr
