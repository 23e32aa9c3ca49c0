"""Servers that answer with errors of their own, or with what the protocol does not allow, cost a call each."""

from __future__ import annotations

import sys
from pathlib import Path

from structlog.testing import capture_logs
from tests.tools.mcp.test_tools import called, connected

from vital_shared.models.mcp_server import McpServer

PROGRAM = str(Path(__file__).with_name("odd_mcp_server.py"))
REFUSED = 'The MCP server "odd" refused the call: '
NONSENSE = 'The MCP server "odd" sent an answer that the protocol does not allow.'
PROCESS = '"result": {"content": [], "structuredContent": {"process": PROCESS}}'
ODD_ANSWERS = {
    '"error": {"code": -32603, "message": "The  disk\\n is full."}': REFUSED + "The disk is full.",
    '"error": {"code": -32000, "message": "Not now."}': REFUSED + "Not now.",
    '"error": {"code": -32600, "message": "Never."}': REFUSED + "Never.",
    '"error": {"code": 7, "message": ""}': REFUSED + "it does not say why",
    f'"error": {{"code": 7, "message": "{"x" * 10_000}"}}': REFUSED + 300 * "x",
    '"result": {"content": null}': NONSENSE,
    '"result": {"content": [{"type": "zzz"}]}': NONSENSE,
    '"result": {"content": [{"type": "audio", "data": 5, "mimeType": "audio/wav"}]}': NONSENSE,
    '"result": {"content": []}': NONSENSE,
}
"""The answers to a call, and the sentences about them."""


def odd(listed: str = "") -> dict[str, McpServer]:
    return {"odd": McpServer(command=sys.executable, args=(PROGRAM, listed))}


async def test_an_odd_answer_costs_its_own_call_alone() -> None:
    async with connected(odd()) as registry:
        first = (await called(registry, "odd_answer", answer=PROCESS)).content
        assert first.startswith('{"process"')
        for answer, sentence in ODD_ANSWERS.items():
            result = await called(registry, "odd_answer", answer=answer)
            assert (result.status, result.error) == ("failed", sentence), answer[:200]
        assert (await called(registry, "odd_answer", answer=PROCESS)).content == first  # of the same process


async def test_an_odd_list_of_tools_is_said_to_be_one() -> None:
    for listed, sentence in (
        ('"error": {"code": -32601, "message": "No tools."}', REFUSED + "No tools."),
        ('"result": {"tools": null}', NONSENSE),
        ('"result": {"tools": [{"name": null, "inputSchema": {"type": "object"}}]}', NONSENSE),
    ):
        with capture_logs() as logs:
            async with connected(odd(listed)) as registry:
                assert registry.names == ()
        (line,) = (log for log in logs if log["event"] == "mcp_server_unavailable")
        assert line["reason"] == sentence
