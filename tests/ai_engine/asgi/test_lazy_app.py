"""What is large and not needed by who only asks is loaded with the first need, beside other requests."""

import asyncio
import subprocess
import sys
import threading

import pytest
from tests.ai_engine.harness import Service

from ai_engine.asgi.lazy_app import LazyApp

LARGE = (
    "ag_ui",
    "aiohttp",
    "alembic",
    "fastapi",
    "genai_prices",
    "lxml",
    "numpy",
    "onnxruntime",
    "pint",
    "pypdfium2",
)


def test_a_server_that_starts_has_none_of_the_large_libraries() -> None:
    code = f"import ai_engine.server, sys; print([name for name in {LARGE} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.thorough
def test_no_module_loads_the_model_of_languages_while_it_is_imported() -> None:
    code = """
import importlib, pkgutil
import ai_engine, vital_shared
from vital_shared.retrieval import language
modules = [
    module.name
    for package in (vital_shared, ai_engine)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    if not module.name.endswith(("env", "_main", "__main__")) and ".versions." not in module.name
]
for name in modules:
    importlib.import_module(name)
    assert not language._identifier.cache_info().currsize, name
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Loading:
    """A loader that waits for the test, and may fail first."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.count = 0
        self.answered: list[int] = []

    def __call__(self):
        self.count += 1
        self.begun.set()
        assert self.may_end.wait(20)
        if self.errors:
            raise self.errors.pop()
        return self.app

    async def app(self, scope, _receive, _send) -> None:
        self.answered.append(scope)


async def test_it_is_loaded_once_and_others_go_on_meanwhile() -> None:
    loading = Loading()
    late = LazyApp(loading)
    asking = [asyncio.create_task(late(number, None, None)) for number in range(10)]
    await asyncio.to_thread(loading.begun.wait, 20)  # the loop is free to wait for it
    assert loading.answered == []
    loading.may_end.set()
    await asyncio.gather(*asking)
    assert (loading.count, sorted(loading.answered)) == (1, list(range(10)))


async def test_what_could_not_be_loaded_is_tried_again() -> None:
    loading = Loading(ImportError("broken"))
    loading.may_end.set()
    late = LazyApp(loading)
    with pytest.raises(ImportError):
        await late(1, None, None)
    await late(2, None, None)
    assert (loading.count, loading.answered) == (2, [2])


async def test_errors_of_administration_have_the_form_of_all_others(service: Service) -> None:
    wrong = await service.client.get("/v1/alerts", params={"limit": 0})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "limit")
    missing = await service.client.get("/v1/agents/nobody")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:vital:not-found")
    nothing = await service.client.get("/v1/nothing")
    assert (nothing.status_code, nothing.json()["instance"]) == (404, "/v1/nothing")
    method = await service.client.patch("/v1/cache")
    assert (method.status_code, method.headers["allow"]) == (405, "DELETE")
