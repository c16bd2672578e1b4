"""requirements.lock: every package that is installed, at one version, with its hashes; and the licence of each."""

from __future__ import annotations

import re
from email.message import Message
from importlib.metadata import PackageMetadata
from typing import cast

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.licences import LOCK, PAGE, licence, locked
from tests.test_repository import ranges, requirements

TEXT = LOCK.read_text(encoding="utf-8")
PACKAGES = locked(TEXT)
# What docs/licences.md is made on.
LINUX = {"sys_platform": "linux", "platform_machine": "x86_64", "python_full_version": "3.11.0"}


def versions(requirement: Requirement) -> list[str]:
    """The versions at which a package stands in the lock, one for each marker."""
    name = canonicalize_name(requirement.name)
    return [next(iter(found.specifier)).version for found, _ in PACKAGES if found.name == name]


@pytest.mark.parametrize(
    "requirement", [*requirements("requirements.txt").values(), *ranges("app", "export").values()], ids=str
)
def test_what_the_app_requires_is_locked_within_its_range(requirement: Requirement) -> None:
    found = versions(requirement)
    assert found
    assert all(version in requirement.specifier for version in found)


def test_every_package_is_exact_and_has_a_hash() -> None:
    assert len(PACKAGES) > len(requirements("requirements.txt"))
    for requirement, hashes in PACKAGES:
        assert [part.operator for part in requirement.specifier] == ["=="], requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), requirement


def test_the_lock_names_no_place_to_download_from() -> None:
    assert re.findall(r"://|^\s*-(?!-hash=).*", TEXT, re.MULTILINE) == []


def test_the_licence_of_every_locked_package_is_listed() -> None:
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    here = [found for found, _ in PACKAGES if found.marker is None or found.marker.evaluate(LINUX)]
    expected = [(found.name, next(iter(found.specifier)).version) for found in here]
    assert [(name, version) for name, version, _ in rows if name != "package"] == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("License-Expression", "MIT"), ("License", "long text")], "MIT"),
        ([("Classifier", "License :: OSI Approved :: BSD License"), ("License", "BSD")], "BSD License"),
        ([("Classifier", "License :: OSI Approved"), ("License", "\nApache 2.0\nmore")], "Apache 2.0"),
        ([("Classifier", "Topic :: Scientific")], "not stated"),
    ],
)
def test_a_licence_is_read_from_what_a_package_states(fields: list[tuple[str, str]], expected: str) -> None:
    metadata = Message()
    for name, value in fields:
        metadata[name] = value
    assert licence(cast(PackageMetadata, metadata)) == expected
