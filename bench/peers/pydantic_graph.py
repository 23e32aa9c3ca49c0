"""pydantic-graph: steps, broadcasts and joins, put together by its builder."""

from __future__ import annotations

from typing import Any

from pydantic_graph import GraphBuilder, reduce_list_append

from shapes import Execute, Step, Tree, flat, last

NAME = "pydantic-graph"
WITHOUT = {"stream": "a step streams into further steps, not to the caller"}


async def build(tree: Tree) -> Execute:
    builder: Any = GraphBuilder(output_type=object)
    steps = flat(tree)
    made = {one.step.name: builder.step(_step(one.step), node_id=one.step.name) for one in steps}
    after: dict[str, list[Any]] = {name: [] for name in made}
    edges = []

    def connect(needs: tuple[str, ...], to: Any, name: str) -> None:
        if len(needs) > 1:  # two edges into a step would run it twice
            join = builder.join(reduce_list_append, initial_factory=list, node_id=f"join_{name}")
            edges.append(builder.edge_from(join).to(to))
            to = join
        for need in needs:
            after[need].append(to)

    for one in steps:
        connect(one.needs, made[one.step.name], one.step.name)
    connect(tuple(last(tree)), builder.end_node, "end")
    roots = [made[one.step.name] for one in steps if not one.needs]
    builder.add(
        builder.edge_from(builder.start_node).to(*roots),
        *(builder.edge_from(made[name]).to(*to) for name, to in after.items()),
        *edges,
    )
    graph = builder.build()

    async def execute() -> Any:
        return await graph.run()

    return execute


def _step(step: Step) -> Any:
    async def run(_context: Any) -> str:
        return await step.work()

    return run
