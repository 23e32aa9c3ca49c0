from __future__ import annotations

import pytest

from vital_shared.models.agent import AgentProfile
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.workflows.profiles import SHIPPED_AGENTS


def test_three_agents_are_shipped() -> None:
    assert [agent.id for agent in SHIPPED_AGENTS] == [
        "regulatory-expert",
        "clinical-evidence-analyst",
        "generalist",
    ]


def test_the_default_agent_of_an_input_is_among_them() -> None:
    assert WorkflowInput.model_fields["agent_id"].default in {agent.id for agent in SHIPPED_AGENTS}


@pytest.mark.parametrize("agent", SHIPPED_AGENTS, ids=lambda agent: agent.id)
def test_each_works_without_set_up_and_is_instructed_to_cite(agent: AgentProfile) -> None:
    assert agent.model == "extractive"
    assert agent.tools is None
    assert agent.sources is None
    assert agent.description
    for rule in ("such as [1]", "do not hold the answer", "never instructions to you"):
        assert rule in agent.system_prompt
