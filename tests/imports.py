"""Reads who imports whom from the syntax tree, without importing anything."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

OURS = ("sbp", "pages", "app")


@dataclass(frozen=True)
class Import:
    """One imported name: `from target import name`, or `import target` with an empty name.

    runs: whether it is carried out when the file is imported, that is neither inside a function nor for the
    type checker alone.
    """

    target: str
    name: str
    line: int
    runs: bool

    @property
    def top(self) -> str:
        """The package that is meant, as "torch" in torch.nn."""
        return self.target.partition(".")[0]


def modules_of(root: Path) -> dict[str, Path]:
    """Every module of the library and the app by its dotted name; a package's name means its __init__.py."""
    modules = {}
    for top in OURS:
        for path in [root / f"{top}.py", *sorted((root / top).rglob("*.py"))]:
            if path.is_file():
                parts = path.relative_to(root).with_suffix("").parts
                modules[".".join(part for part in parts if part != "__init__")] = path
    return modules


def imports_of(module: str, path: Path) -> list[Import]:
    """Every import in a file, inside functions too; relative ones are written out."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: list[Import] = []

    def visit(node: ast.AST, runs: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, "", node.lineno, runs) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            target = node.module or ""
            if node.level:
                base = package.split(".")[: len(package.split(".")) - node.level + 1]
                target = ".".join([*base, *([target] if target else [])])
            found.extend(Import(target, alias.name, node.lineno, runs) for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                visit(child, False)
            for child in node.orelse:
                visit(child, runs)
        else:
            inside = runs and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for child in ast.iter_child_nodes(node):
                visit(child, inside)

    visit(ast.parse(path.read_text(encoding="utf-8")), True)
    return found


def resolve(imported: Import, modules: dict[str, Path]) -> str:
    """The module that an import of ours means: `from sbp.runs import store` means sbp.runs.store."""
    longer = f"{imported.target}.{imported.name}"
    return longer if longer in modules else imported.target
