"""Packages come from where the machine itself takes them."""

import pytest

from lab.errors import LabError
from lab.tree import archives_in, sources

LISTED = "Debian http://mirror.example/debian/\nDebian-Security http://mirror.example/security/\nDebian http://mirror.example/debian/\n"


def test_sources_are_the_machines_own() -> None:
    assert sources(archives_in(LISTED), suite="trixie").splitlines() == [
        "deb http://mirror.example/debian/ trixie main",
        "deb http://mirror.example/debian/ trixie-updates main",
        "deb http://mirror.example/security/ trixie-security main",
    ]


def test_without_security_updates_there_are_none() -> None:
    assert "security" not in sources(archives_in("Debian http://mirror.example/debian/"), suite="bookworm")


def test_a_machine_without_debian_is_told() -> None:
    with pytest.raises(LabError, match="apt-get update"):
        archives_in("Ubuntu http://mirror.example/ubuntu/\n")
