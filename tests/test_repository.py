"""The house rules that can be read off the files: lengths, docstrings, pins, safe settings, links."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]

LONGEST = 300
# A file over 300 lines, and why it is one.
LONG_FOR_A_REASON: dict[str, str] = {}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def test_a_long_file_has_a_reason() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources("sbp", "pages")
    }
    long = {name: length for name, length in lengths.items() if length > LONGEST}
    assert set(long) == set(LONG_FOR_A_REASON), f"Over {LONGEST} lines: {long}. Split it, or list it with its reason."


def undocumented(path: Path) -> Iterator[str]:
    """What is public in a file and says nothing of itself: the module, its functions and its classes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if tree.body and not ast.get_docstring(tree):
        yield f"{path.name} itself"
    for node in tree.body:
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if named and not node.name.startswith("_") and not ast.get_docstring(node):
            yield f"{path.name}:{node.lineno} {node.name}"


@pytest.mark.parametrize("path", sources("sbp"), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_public_is_documented(path: Path) -> None:
    assert list(undocumented(path)) == []


def test_nothing_is_unpickled() -> None:
    """Run files come from other people: they are JSON, safetensors and plain numbers."""
    dangerous = re.compile(r"\btorch\.(load|save)\(|\b(pickle|dill|joblib|cloudpickle)\b|allow_pickle=True")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sources("sbp", "pages")
        for line in path.read_text(encoding="utf-8").splitlines()
        if dangerous.search(line)
    ]
    assert found == []


# Pins and ranges


def requirements(name: str) -> dict[str, Requirement]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return {(r := Requirement(line)).name: r for line in lines if line and not line.startswith("-")}


def ranges(*extras: str) -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {(r := Requirement(line)).name: r for line in lines}


@pytest.mark.parametrize(
    ("file", "extras"),
    [("requirements.txt", ("app", "export")), ("requirements-dev.txt", ("dev",))],
)
def test_each_pin_is_exact_and_within_the_librarys_range(file: str, extras: tuple[str, ...]) -> None:
    pins, accepted = requirements(file), ranges(*extras)
    assert set(pins) == set(accepted) - (set(ranges()) if extras == ("dev",) else set())
    for name, pin in pins.items():
        (specifier,) = pin.specifier
        assert specifier.operator == "==", f"{file}: {pin} is not exact"
        assert "*" not in specifier.version, f"{file}: {pin} is not exact"
        assert specifier.version in accepted[name].specifier, f"{file}: {pin} is outside {accepted[name]}"


def imported_packages(*folders: str) -> set[str]:
    packages = set()
    for path in sources(*folders):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                packages |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                packages.add(node.module.partition(".")[0])
    return packages


@pytest.mark.parametrize("folder", ["sbp", "pages", "tests"])
def test_what_is_imported_is_required(folder: str) -> None:
    module_of = {"scikit-learn": "sklearn", "vl-convert-python": "vl_convert"}
    packages = {module_of.get(name, name.replace("-", "_")) for name in ranges("app", "export", "dev")}
    # Each comes with a package that is required, and is used only beside it.
    companions = {
        "starlette": "streamlit",
        "anyio": "streamlit",
        "PIL": "streamlit",
        "requests": "pooch",
        "packaging": "pytest",
        "click": "typer",
        "pydantic_core": "pydantic",
    }
    packages |= {name for name, owner in companions.items() if owner in packages}
    ours = {"sbp", "pages", "tests", "app"}
    assert imported_packages(folder) - packages - ours - set(sys.stdlib_module_names) == set()


# The app's settings


def config() -> dict[str, dict[str, object]]:
    path = ROOT / ".streamlit" / "config.toml"
    if not path.is_file():
        pytest.skip("Needs .streamlit/config.toml.")
    return tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("server", "address", "127.0.0.1"),
        ("server", "enableXsrfProtection", True),
        ("server", "enableCORS", True),
        ("server", "allowedHosts", ["localhost", "127.0.0.1"]),
        ("server", "showEmailPrompt", False),
        ("client", "showErrorDetails", "none"),
        ("browser", "gatherUsageStats", False),
        ("runner", "postScriptGC", False),
    ],
)
def test_the_app_starts_with_safe_settings(section: str, name: str, value: object) -> None:
    assert config()[section][name] == value


def test_uploads_are_small_and_both_themes_are_designed() -> None:
    size = config()["server"]["maxUploadSize"]
    assert isinstance(size, int)
    assert 0 < size <= 50
    assert {"light", "dark"} <= set(config()["theme"])


# What the documents say


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_what_a_document_points_to_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []
