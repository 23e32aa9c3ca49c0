"""The models that a request may name: those of its agent and its tenant, or all for administrators."""

from __future__ import annotations

from ai_engine.auth.caller import Caller
from vital_shared.errors import Forbidden
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.workflows.services import Services

__all__ = ["check_model"]


async def check_model(services: Services, caller: Caller, request: WorkflowInput) -> None:
    """See that the caller may name the model of its request.

    Others could make the tenant pay for any model, and fill the metrics' labels with names.

    :raises Forbidden: when neither the agent nor the tenant lists it.
    :raises NotFound: when there is no such agent.
    """
    if request.model is None or "admin" in caller.scopes:
        return
    agent = await services.agents.get(request.agent_id, tenant_id=request.tenant_id)
    listed = {agent.model, *agent.fallbacks, services.models.last.name}
    if request.model in listed:
        return
    allowed = listed | (await services.limits.share(request.tenant_id)).models
    if request.model not in allowed:
        raise Forbidden(
            f'The key may not name the model "{request.model}": leave model out, or name one of '
            f"{', '.join(sorted(allowed))}. An administrator may add models to the tenant's limits.",
            field="model",
        )
