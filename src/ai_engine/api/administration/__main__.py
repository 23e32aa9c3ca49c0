"""Print the OpenAPI document of an engine with the built-in workflow: the console's types are made of it."""

from __future__ import annotations

import json
import sys

from ai_engine.api.administration.app import Administration
from vital_shared.models.workflow_names import BUILT_IN
from vital_shared.workflows.base_workflow import BaseWorkflow

json.dump(Administration({BUILT_IN: BaseWorkflow}).document(), sys.stdout)
