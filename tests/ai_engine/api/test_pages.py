"""The pages: self-contained, and closed to what does not belong to them."""

import re

import pytest
from tests.ai_engine.harness import Service

from ai_engine.api.resumption import ResumeRequest


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/runs",
        "/page/index.html",
        "/docs",
        "/page/page.js",
        "/page/page.css",
        "/swagger/swagger-ui-bundle.js",
    ],
)
async def test_pages_and_their_parts_are_served_under_a_strict_policy(service: Service, path: str) -> None:
    response = await service.client.get(path)
    policy = response.headers["content-security-policy"]
    assert response.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/page/index.html", "/docs"])
async def test_pages_take_nothing_from_elsewhere_and_have_no_code_in_them(
    service: Service, path: str
) -> None:
    html = (await service.client.get(path)).text
    for address in re.findall(r'(?:src|href)="([^"]*)"', html):
        assert address.startswith(("/", "data:,"))
        if address.startswith(("/console/", "/page/", "/swagger/")):
            assert (await service.client.get(address)).status_code == 200
    assert not re.search(r"<style|style=|<script>|\son\w+=", html)


async def test_the_page_makes_no_html_of_what_it_is_reported(service: Service) -> None:
    script = (await service.client.get("/page/page.js")).text
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script
    )


async def test_the_page_sends_all_that_a_decision_may_hold(service: Service) -> None:
    script = (await service.client.get("/page/page.js")).text
    (body,) = re.findall(r"/resume`, \{([^}]*)\}", script)
    sent = {part.partition(":")[0].strip() for part in body.split(",")}
    assert sent == set(ResumeRequest.model_fields)


@pytest.mark.parametrize(
    "path", ["/page/../app.py", "/page/%2e%2e/app.py", "/page/", "/page/nothing.js", "/swagger/"]
)
async def test_nothing_else_is_served(service: Service, path: str) -> None:
    response = await service.client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


async def test_the_page_sends_its_key_with_each_request_and_keeps_it_in_the_tab_alone(
    service: Service,
) -> None:
    html = (await service.client.get("/page/index.html")).text
    script = (await service.client.get("/page/page.js")).text
    key = await service.key("acme", "ask")
    (pattern,) = re.findall(r'id="key" [^>]*pattern="([^"]+)"', html)
    assert re.fullmatch(pattern, key["Authorization"].removeprefix("Bearer "))
    assert len(re.findall(r"\bfetch\(", script)) == 1  # the one that adds the key
    assert "sessionStorage" in script
    assert not re.search(r"localStorage|document\.cookie", script)
