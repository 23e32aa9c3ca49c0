"""The parts of `self.llm`, by which the nodes of a workflow call models, and the money of all calls."""
