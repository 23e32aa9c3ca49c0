"""The guide's workflows of one's own that stream, and that wait for a person, do what it says."""

from tests.test_guide import blocks

from vital_shared.models.event import NodeYielded, Token
from vital_shared.testing import question, workflow_services


def defined(name: str) -> type:
    """Run the block of the guide that defines a class."""
    (code,) = (block for block in blocks("python") if f"class {name}(" in block)
    names: dict = {"__name__": __name__}
    exec(code, names)
    return names[name]


async def test_the_report_streams_its_outline_and_its_text(tmp_path):
    async with workflow_services(tmp_path) as services:
        asked = question("Report.", mode="2", enable_rag=False, enable_tools=False)
        events = [event async for event in defined("Report")(services).execute_stream(asked)]
    outline = [event.value["heading"] for event in events if isinstance(event, NodeYielded)]
    assert outline == ["Scope", "Findings"]
    assert [event.text for event in events if isinstance(event, Token)] == ["# Scope\n", "# Findings\n"]
