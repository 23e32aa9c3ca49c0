"""VITAL: an observable engine for multi-tenant LLM workflows.

>>> from vital_shared import BaseWorkflow
>>> from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode

A name is imported with its first use: a command that needs one of them does not load them all.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
