"""The house rules that can be read off the files: lengths, pins, safe settings, links."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import sbp

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


def test_type_checkers_see_the_public_api() -> None:
    """The stub names what `__init__.py` loads when it is asked."""
    stub = ast.parse((ROOT / "sbp" / "__init__.pyi").read_text(encoding="utf-8"))
    names = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names | {"__version__"} == set(vars(sbp)["__all__"])


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
    [
        ("requirements.txt", ("app", "export")),
        ("requirements-dev.txt", ("dev", "docs", "track", "dask", "search", "store")),
    ],
)
def test_each_pin_is_exact_and_within_the_librarys_range(file: str, extras: tuple[str, ...]) -> None:
    pins, accepted = requirements(file), ranges(*extras)
    assert set(pins) == set(accepted) - (set(ranges()) if "dev" in extras else set())
    for name, pin in pins.items():
        (specifier,) = pin.specifier
        assert specifier.operator == "==", f"{file}: {pin} is not exact"
        assert "*" not in specifier.version, f"{file}: {pin} is not exact"
        assert specifier.version in accepted[name].specifier, f"{file}: {pin} is outside {accepted[name]}"


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
    assert size == 1
    assert {"light", "dark"} <= set(config()["theme"])


def test_the_image_holds_nothing_that_git_ignores() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {Path(word) for line in lines if line.startswith("COPY") for word in line.split()[1:-1]}
    ignored = [Path(line.strip("/")) for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split()]
    assert Path("app.py") in copied
    assert [path for path in ignored if copied & {path, *path.parents}] == []


# What the documents say


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_a_document_has_no_mark_of_a_merge(name: str) -> None:
    assert not re.findall(r"^(?:<{7} .*|={7}|>{7} .*)$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_what_a_document_points_to_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_no_merge_is_left_unresolved() -> None:
    """In Python it would not run; in other texts nothing else sees it."""
    texts = [
        *ROOT.glob("*.md"),
        *(path for folder in ("docs", "pages", "sbp") for path in (ROOT / folder).rglob("*.*")),
    ]
    read = [path for path in texts if path.suffix in (".md", ".js", ".css", ".toml", ".c")]
    marked = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)
    assert [path.name for path in read if marked.search(path.read_text(encoding="utf-8"))] == []


def test_nobody_is_sent_to_the_project_of_the_same_name_on_pypi() -> None:
    texts = [ROOT / "README.md", *(ROOT / "docs").rglob("*.*"), *sources("sbp", "pages")]
    asks = re.compile(r"pip install (-\S+ )*'?sbp\b")
    assert [path.name for path in texts if asks.search(path.read_text(encoding="utf-8"))] == []
