"""A public service on a local socket, and a clock that does not wait."""

from contextlib import asynccontextmanager

from aiohttp import web
from tests.local_server import local_server

from vital_shared.tools.base import ToolContext
from vital_shared.tools.public_api import PublicApi

CONTEXT = ToolContext(tenant_id="acme", run_id="run_1")


class Service:
    """Answers by path; a list answers in turn, the last one again and again."""

    def __init__(self, answers):
        self.answers = {path: list(a) if isinstance(a, list) else [a] for path, a in answers.items()}
        self.requests = []
        self.url = ""

    async def handle(self, request):
        self.requests.append(request)
        answers = self.answers.get(request.path, [web.Response(status=404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = await answer(request)
        if isinstance(answer, web.Response):
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        return web.Response(body=answer)


@asynccontextmanager
async def serve(answers):
    service = Service(answers)
    app = web.Application()
    app.router.add_get("/{path:.*}", service.handle)
    async with local_server(app) as service.url:
        yield service


class Time:
    """Seconds that pass only where somebody sleeps."""

    def __init__(self):
        self.now = 1_000.0
        self.slept = []

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@asynccontextmanager
async def api_to(answers, **given):
    time = Time()
    async with serve(answers) as service:
        api = PublicApi(
            "The service", service.url, **({"per_second": 1000, "clock": time, "sleep": time.sleep} | given)
        )
        api.time = time
        try:
            yield api, service
        finally:
            await api.aclose()


async def call(tool, **arguments):
    return await tool.function(tool.validate(arguments), CONTEXT)
