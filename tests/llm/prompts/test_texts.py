"""Texts of prompts are never changed once they were used: runs name them by their versions."""

import hashlib
from importlib.resources import files

import pytest

from vital_shared.llm.prompts import texts
from vital_shared.llm.prompts.texts import system_text

USED = {
    "answer.v1.md": "04ddbba7c550796b47dd5d410715b723bbc0068089c8f89ee93497a4f84e36fb",
    "chat.v1.md": "2a625803a5188edcf4373385d788222d678346e1c250c61a1c76ae5901e65d1f",
    "tools.v1.md": "bf5df289b2d2b4c69f434b9492716f79a7fe1e42cb1bb65f86b0ce06da852a45",
}
"""SHA-256 of each text. A new version is a new file, and a line here; no line is ever changed."""


def test_no_text_that_runs_have_named_was_changed_and_each_is_listed():
    folder = files("vital_shared.llm.prompts")
    there = {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest()
        for each in folder.iterdir()
        if each.name.endswith(".md")
    }
    assert there == USED


@pytest.mark.parametrize("prompt", [texts.ANSWER, texts.CHAT, texts.TOOLS])
def test_the_agents_own_words_come_first_and_are_taken_as_they_are(prompt):
    text = system_text(prompt, "  You weigh {{instructions}} things.\n")
    assert text.startswith("You weigh {{instructions}} things.\n\n")
    assert system_text(prompt, "").strip() == system_text(prompt, "")
