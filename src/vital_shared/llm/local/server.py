"""The child's program: xllamacpp's OpenAI-compatible server, for one model.

    python -m vital_shared.llm.local.server MODEL.gguf

It takes the key that callers need as the first line of its input (an argument would be seen by all users of
the machine), writes one line of JSON with its address when it is ready, and ends when its input ends: so it
goes with its parent, however that ends.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Final

__all__ = ["CONTEXT_TOKENS", "main"]

CONTEXT_TOKENS: Final = 4_096
"""Tokens of prompt and answer together."""


def main() -> None:
    """Serve until the parent is gone."""
    # Imported here, and not in the engine: the runtime is an extra, and native.
    from xllamacpp import CommonParams, Server  # type: ignore[import-untyped]  # noqa: PLC0415

    params = CommonParams()
    params.model.path = sys.argv[1]
    params.api_keys = [sys.stdin.readline().strip()]
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    # The engine keeps a core: threads wait for each other at each step, and one that has to share its core
    # makes all of them wait. With two on two busy cores a token took 1 s, with one 0.1 s.
    params.cpuparams.n_threads = max(1, (os.cpu_count() or 1) - 1)
    params.endpoint_slots = True
    server = Server(params)
    print(json.dumps({"address": server.listening_address}), flush=True)  # noqa: T201 - read by the parent
    sys.stdin.read()
    os._exit(0)  # at once: what is being generated is for nobody


if __name__ == "__main__":
    main()
