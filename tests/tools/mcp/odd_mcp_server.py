"""An MCP server whose tool answers with whatever its arguments hold, right or wrong."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

TOOL = {"name": "answer", "inputSchema": {"type": "object"}, "outputSchema": {"type": "object"}}
BEGUN = {
    "protocolVersion": "2025-06-18",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "odd", "version": "1"},
}


def answered(method: str, parameters: dict[str, Any], listed: str) -> str:
    """Return the member of an answer that has its result, or its error."""
    if method == "initialize":
        return f'"result": {json.dumps(BEGUN)}'
    if method == "tools/list":
        return listed or f'"result": {json.dumps({"tools": [TOOL]})}'
    if method == "tools/call":
        answer: str = parameters["arguments"]["answer"]
        return answer.replace("PROCESS", str(os.getpid()))
    return '"error": {"code": -32601, "message": "There is no such method."}'


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" in asked:
            member = answered(asked["method"], asked.get("params", {}), "".join(sys.argv[1:]))
            sys.stdout.write(f'{{"jsonrpc": "2.0", "id": {json.dumps(asked["id"])}, {member}}}\n')
            sys.stdout.flush()
