"""Lines behind `yield Done(…)`, which never run."""

import textwrap
import warnings

import pytest

from vital_shared.graph import Done, Graph, PlanWarning, node

BEHIND = r"node 'Stream\.text' \(stream\.py:5\) has a line behind yield Done"
HEAD = "from vital_shared import graph\nfrom vital_shared.graph import Done, Graph, node\n\n"
CLASS = "class Stream(Graph):\n    @node\n    async def text(self):\n"

YIELD = """
yield "a"
yield Done("a")
yield "b"
"""
BRANCH = """
if self:
    yield graph.Done("a")
    await self.clean()
yield Done("c")
"""
LOOP = """
for each in "ab":
    yield Done(each)
    await self.clean()
"""
WITH = """
async with self.opened():
    yield Done("a")
    await self.clean()
"""
HANDLER = """
try:
    yield "a"
except ValueError:
    yield Done("a")
    await self.clean()
"""
ELSE = '''
while not self:
    yield """
at the first column"""
else:
    yield Done("a")
    await self.clean()
'''
CASE = """
match self:
    case None:
        yield Done("a")
        await self.clean()
"""
ENDS = '''
"""Several ends."""
try:
    for each in "ab":
        if each == "a":
            yield Done("""a
text from the first column""")
            return
        yield each
    while not self:
        yield Done("b")
        break
    else:
        yield Done("c")
finally:
    await self.clean()
'''


def define(folder, body):
    """Define a class in a file of its own."""
    source = HEAD + CLASS + textwrap.indent(body.strip("\n"), " " * 8) + "\n"
    file = folder / "stream.py"
    file.write_text(source)
    exec(compile(source, str(file), "exec"), {"__name__": "stream"})


@pytest.mark.parametrize(("body", "line"), [(YIELD, 9), (BRANCH, 9), (LOOP, 9), (WITH, 9), (HANDLER, 11)])
def test_a_line_behind_it_is_warned_of_where_it_stands(tmp_path, body, line):
    with pytest.warns(PlanWarning, match=BEHIND) as caught:
        define(tmp_path, body)
    assert [each.lineno for each in caught] == [line]
    assert "\n" not in str(caught[0].message)


@pytest.mark.parametrize("body", [ELSE, CASE])
def test_it_is_seen_in_every_kind_of_block(tmp_path, body):
    with pytest.warns(PlanWarning, match=BEHIND):
        define(tmp_path, body)


def test_what_ends_with_it_is_not_warned_of(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        define(tmp_path, ENDS)
    assert caught == []


def test_a_method_without_a_file_is_left_alone():
    scope = {"Done": Done}
    exec("async def text(self):\n    yield Done('a')\n    yield 'b'\n", scope)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        type("Stream", (Graph,), {"text": node(scope["text"])})
    assert caught == []
