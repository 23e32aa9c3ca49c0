"""The house keeps its shape: public faces are sorted and hold, imports point one way."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import vital_shared

ROOT = Path(__file__).parents[1]

HEADLESS_CLAUSE = re.compile(
    r"(\A\s*|:param \w+: )(what|when|where|which|who|whose|why|how|of|so)\b", re.IGNORECASE
)
NARRATION = re.compile(r"\b(so many|so long as|whoever|who asks|told|tells)\b", re.IGNORECASE)


def modules() -> list[str]:
    found = pkgutil.walk_packages(vital_shared.__path__, "vital_shared.")
    return ["vital_shared", *(module.name for module in found if ".migrations." not in module.name)]


@pytest.mark.parametrize("name", modules())
def test_a_module_names_its_public_face(name):
    module = importlib.import_module(name)
    face = getattr(module, "__all__", [])
    assert module.__doc__
    assert list(face) == sorted(face, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert [member for member in face if not hasattr(module, member)] == []


def imports(tree: ast.Module) -> Iterator[str]:
    """Name what a module imports, in functions and for type checkers alone too."""
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield str(statement.module)
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


def test_no_module_imports_itself_by_way_of_others():
    """A circle that only a type closes is a circle."""
    source = ROOT / "src"
    files = {
        ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): path
        for path in source.rglob("*.py")
    }
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in files.items()}
    needs = {name: {each for each in imports(tree) if each in files} for name, tree in trees.items()}
    for found in needs.values():  # `from package import module` is not about the package
        found -= {each for each in found if any(other.startswith(f"{each}.") for other in found)}
    assert needs["vital_shared.graph.run"]
    TopologicalSorter(needs).prepare()  # raises CycleError, naming the modules


def test_a_class_name_means_one_thing():
    places: dict[str, list[str]] = {}
    for path in (ROOT / "src").rglob("*.py"):
        for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(statement, ast.ClassDef):
                places.setdefault(statement.name, []).append(path.name)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_imports_point_one_way():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the docstrings of the module, and of its classes, functions, fields and constants."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str()) as text):
                yield text


def comments(path: Path) -> Iterator[tokenize.TokenInfo]:
    with path.open("rb") as source:
        yield from (token for token in tokenize.tokenize(source.readline) if token.type == tokenize.COMMENT)


def test_docstrings_and_comments_are_plain_english():
    """A docstring is an imperative or a noun phrase, a parameter's too: no clause headed by what, how, of …"""
    faults = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = [(each.lineno, str(each.value)) for each in docstrings(tree)]
        faults += [(path.name, line, text) for line, text in texts if HEADLESS_CLAUSE.search(text)]
        texts += [(each.start[0], each.string) for each in comments(path)]
        faults += [(path.name, line, text) for line, text in texts if NARRATION.search(text)]
    assert faults == []


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_the_files_that_a_page_for_contributors_names_are_there(page):
    """A name in angle brackets is to be chosen: others of its kind are there to copy."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:[\w.<>-]+/)+[\w.<>-]*|[\w-]+\.(?:md|toml|txt|py))`", text)
    named += re.findall(r"\btests/[\w/]+\.py\b", text)
    named += [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    missing = [each for each in named if not [*ROOT.glob(re.sub(r"<\w+>", "*", each.rstrip("/")))]]
    assert missing == []


NARRATED_HEAD = re.compile(
    r"\A\s*(Asks|Begins|Decides|Does|Embeds|Ends|Fills|Finds|Follows|Gives|Holds|Keeps|Leads|Looks|Makes|Notes"
    r"|Passes|Reads|Says|Sees|Selects|Sends|Serves|Shows|Stands|Stops|Takes|Waits|Writes)\b"
)
"""Verbs that would narrate what a class, a field or a constant does; a noun phrase names the thing."""

BARE_NAME = re.compile(
    r"_?(SECONDS|MINUTES|HOURS|DAYS|MOST|LEAST|LONGEST|LARGEST|FEWEST|NOTHING|EVERY|MANY|FEW|KEPT|REMEMBERED"
    r"|AT_ONCE|LIMIT|SIZE|BATCH|ATTEMPTS|FAILURES|STARTS|TOKENS|BYTES|CHARACTERS|DOLLARS|TOP"
    r"|(MOST|LEAST|LONGEST|LARGEST|FEWEST)_\w+|\w+_AT_ONCE)"
)
"""Names of constants without a meaning, or without a unit."""

LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / "src").rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_docstrings_of_classes_fields_and_constants_name_a_thing():
    """Functions' are imperatives: that is D401 of ruff."""
    faults = []
    for path, tree in trees():
        for holder in ast.walk(tree):
            if isinstance(holder, (ast.ClassDef, ast.Module)):
                body = holder.body[isinstance(holder, ast.Module) :]  # a module's own may be a sentence
                texts = [each.value for each in body if isinstance(each, ast.Expr)]
                heads = [str(each.value) for each in texts if isinstance(each, ast.Constant)]
                faults += [(path.name, head) for head in heads if NARRATED_HEAD.match(head)]
    assert faults == []


def constants(tree: ast.Module) -> Iterator[str]:
    """Name the constants of a module."""
    for statement in tree.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)) if name.isupper():
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]) if name.isupper():
                yield name


def test_a_constant_has_its_meaning_and_unit_in_its_name():
    faults = [
        (path.name, name) for path, tree in trees() for name in constants(tree) if BARE_NAME.fullmatch(name)
    ]
    assert faults == []


def test_log_events_are_snake_case_and_the_logger_has_one_name():
    faults = []
    for path, tree in trees():
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="get_logger"))):
                    faults += [] if name == "logger" else [(path.name, node.lineno, name)]
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="logger"), attr=level),
                    args=[ast.Constant(value=event), *_],
                ) if level in LEVELS:
                    is_name = re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", str(event))
                    faults += [] if is_name else [(path.name, node.lineno, event)]
    assert faults == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/guide.md"])
def test_pages_for_users_are_plain_english(page):
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if NARRATION.search(line)] == []
