"""TOML that users write."""

import tomllib
from typing import Any

from bounceml.errors import ConfigError

# TOML promises no more, and Python refuses to show an integer of thousands of digits.
_MOST = 1 << 63


def read_toml(text: str, *, origin: str) -> dict[str, Any]:
    """The table that a TOML text holds; raises ConfigError, naming `origin`, where it is none."""
    try:
        table = tomllib.loads(text)
        _check_integers(table)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{origin}: not a TOML file: {error}") from error
    except ValueError as error:
        raise ConfigError(f"{origin}: not a TOML file: an integer has more than 64 bits") from error
    return table


def _check_integers(value: object) -> None:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            _check_integers(each)
    elif isinstance(value, int) and not -_MOST <= value < _MOST:
        raise ValueError
