"""Hamilton: functions whose parameters name what they need, run by the asynchronous driver."""

from __future__ import annotations

from typing import Any

from hamilton import ad_hoc_utils, async_driver

from shapes import Execute, Needs, Tree, flat, last

NAME = "Hamilton"
WITHOUT = {"stream": "a function gives one value"}


async def build(tree: Tree) -> Execute:
    module = ad_hoc_utils.create_temporary_module(*map(_function, flat(tree)))
    driver = await async_driver.Builder().with_modules(module).build()
    wanted = last(tree)

    async def execute() -> Any:
        return await driver.execute(wanted)

    return execute


def _function(one: Needs) -> Any:
    scope: dict[str, Any] = {"work": one.step.work}
    parameters = ", ".join(f"{name}: str" for name in one.needs)
    exec(f"async def {one.step.name}({parameters}) -> str: return await work()", scope)
    return scope[one.step.name]
