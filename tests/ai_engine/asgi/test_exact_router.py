"""A path without parameters is found by one look-up; all others as Starlette finds them."""

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.asgi.exact_router import ExactRouter


async def list_things(request: Request) -> Response:
    return Response(f"list {request.path_params}")


async def add_thing(request: Request) -> Response:
    return Response(await request.body())


async def show_thing(request: Request) -> Response:
    return Response(f"show {request.path_params['id']}")


class Plain:
    """An endpoint that is an application itself."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await Response("plain")(scope, receive, send)


ROUTES = [
    Route("/things", list_things),
    Route("/things", add_thing, methods=["POST"]),
    Route("/things/{id}", show_thing),
    Route("/plain", Plain(), methods=["GET"]),
]


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = Starlette()
    app.router = ExactRouter(ROUTES, redirect_slashes=False)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/things", (200, "list {}")),
        ("HEAD", "/things", (200, "")),
        ("POST", "/things", (200, "new")),
        ("GET", "/things/7", (200, "show 7")),
        ("GET", "/plain", (200, "plain")),
        ("PUT", "/things", (405, "Method Not Allowed")),
        ("GET", "/things/", (404, "Not Found")),
        ("GET", "/nothing", (404, "Not Found")),
    ],
)
async def test_a_request_gets_to_its_route(
    client: httpx.AsyncClient, method: str, path: str, expected: tuple[int, str]
) -> None:
    response = await client.request(method, path, content=b"new")
    assert response.status_code == expected[0]
    assert method == "HEAD" or response.text == expected[1]


async def test_the_first_of_two_routes_counts() -> None:
    app = Starlette()
    app.router = ExactRouter([Route("/things", list_things), Route("/things", show_thing)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        assert (await client.get("/things")).text == "list {}"
