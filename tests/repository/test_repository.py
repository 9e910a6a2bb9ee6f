"""The repository keeps its own promises: sizes, frozen files, documents that tell the truth."""

import ast
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import click
import pytest
from cartulary.main import cli

ROOT = Path(__file__).parents[2]
LONGEST_FILE, LONGEST_FUNCTION = 300, 40
FOLDERS = ("libs", "services", "tools", "tests", "docs", "deploy", "bench")

KERNEL_SCHEMAS = {
    "0001_kernel.sql": "e22ce107a4794d891ccafd2b8a4be578c8b52984294a785f0d0f424e40ab4769",
    "0002_bytewise_names.sql": "2663ac7e875a6c13c87eef2ca524cbd494b31238b6cbf8ab24eddcd366c3ecd8",
    "0003_epochs.sql": "2de53b5489f609c173324c94054da7ad882f9e215d966813542fcefbc12323f0",
}
"""What was released: a change is a new numbered file."""


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


DOCUMENTS = tracked("*.md")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@dataclass(frozen=True)
class Module:
    """What the tests below ask of a file; its tree is large, and 900 of them are not kept."""

    name: str
    lines: int
    says_why: bool
    functions: list[tuple[str, int]]
    """Each with its lines."""


@cache
def modules() -> list[Module]:
    return [module(path) for path in tracked("*.py")]


def module(path: Path) -> Module:
    text = path.read_bytes()
    tree = ast.parse(text)
    functions = [
        (node.name, (node.end_lineno or 0) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    says_why = not tree.body or ast.get_docstring(tree) is not None
    return Module(name_of(path), text.count(b"\n"), says_why, functions)


# One test for all modules: a test for each would be half of all tests, and cost seconds.


def test_files_and_functions_fit_on_a_few_screens() -> None:
    assert [f"{one.name}: {one.lines}" for one in modules() if one.lines > LONGEST_FILE] == []
    assert [
        f"{one.name}: {name}: {lines}"
        for one in modules()
        for name, lines in one.functions
        if lines > LONGEST_FUNCTION
    ] == []


def test_every_module_says_why_it_exists() -> None:
    assert [one.name for one in modules() if not one.says_why] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_documents_name_only_what_exists(path: Path) -> None:
    text = path.read_text()
    named = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[^`\s<>…*{{}}]*)`", text)

    assert [name for name in named if not (ROOT / name).exists()] == []
    linked = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    assert [name for name in linked if not (path.parent / name).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_documents_name_only_commands_that_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    said = "\n".join(code_in(path.read_text()))

    assert set(re.findall(r"(?:^|\$ |&& )make ([a-z][a-z-]*)", said, re.MULTILINE)) <= targets
    asked = re.findall(r"(?:\bcartulary|\btools) ([a-z][a-z-]+)(?: ([a-z][a-z-]+))?", said)
    assert [words for words in asked if not is_command(*words)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_drawings_begin_with_their_kind_and_close_what_they_open(path: Path) -> None:
    for drawing in re.findall(r"```mermaid\n(.*?)```", path.read_text(), re.DOTALL):
        kind, body = drawing.split("\n", 1)
        assert re.fullmatch(r"flowchart (LR|TB)|sequenceDiagram", kind)
        assert len(re.findall(r"^ *(subgraph|alt)\b", body, re.MULTILINE)) == len(
            re.findall(r"^ *end$", body, re.MULTILINE)
        )
        if kind == "sequenceDiagram":
            known = set(re.findall(r"(?:participant|actor) (\w+) as", body))
            assert {end for ends in re.findall(ARROW, body) for end in ends} <= known


ARROW = re.compile(r"^ *(\w+)--?>>(\w+):", re.MULTILINE)


def code_in(text: str) -> list[str]:
    """Fenced blocks but drawings, and what stands between back-ticks outside of them."""
    fenced = re.findall(r"```(?!mermaid)[a-z]*\n(.*?)```", text, re.DOTALL)
    return fenced + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def is_command(group: str, name: str) -> bool:
    """Whether the command line has this; a command without others below it may have arguments."""
    command = cli.get_command(click.Context(cli), group)
    if isinstance(command, click.Group):
        return not name or name in command.commands
    return command is not None


@pytest.mark.parametrize("name", sorted(KERNEL_SCHEMAS))
def test_a_released_kernel_schema_is_never_edited(name: str) -> None:
    folder = ROOT / "libs/common/src/common/kernel_schema"

    assert sorted(KERNEL_SCHEMAS) == sorted(file.name for file in folder.iterdir())
    assert sha256((folder / name).read_bytes()).hexdigest() == KERNEL_SCHEMAS[name]


@pytest.mark.parametrize("folder", sorted(ROOT.glob("services/*/src/*/migrations")), ids=name_of)
def test_every_service_with_a_log_has_all_of_the_kernels_tables(folder: Path) -> None:
    migrations = "".join(file.read_text() for file in (folder / "versions").glob("*.py"))

    assert [
        name for name in KERNEL_SCHEMAS if f'"{name.removesuffix(".sql")}"' not in migrations
    ] == []


@pytest.mark.parametrize("path", tracked("**/migrations/versions/*.py"), ids=name_of)
def test_a_migration_file_begins_with_its_revision(path: Path) -> None:
    """The start compares names with the database, and loads Alembic only when they differ."""
    assert f'revision = "{path.name.partition("_")[0]}"' in path.read_text()


def test_the_public_checks_are_those_of_a_clean_checkout() -> None:
    assert "- run: .ci/run\n" in (ROOT / ".github/workflows/ci.yml").read_text()


def test_no_lock_records_an_address() -> None:
    for lock in tracked("*.lock"):
        assert "://" not in lock.read_text()
    assert not (ROOT / "uv.lock").exists()
