"""The user's own table and rules, from one TOML file."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bounceml.errors import ConfigError
from bounceml.paths import is_file
from bounceml.rules import RuleSet, parse_rules
from bounceml.taxonomy import Taxonomy, load_taxonomy
from bounceml.toml_text import read_toml

FORMAT = 1
ENVIRONMENT_VARIABLE = "BOUNCEML_CONFIG"
FILE_NAME = "bounceml.toml"
_FIELDS = frozenset({"format", "table", "reasons", "rule"})


@dataclass(frozen=True, slots=True)
class Config:
    """What decides beside the model: the table of reasons, and the user's rules, which come first.

    `sha256` is the hex digest of the file's text, and empty without a file: answers by another one may differ.
    """

    taxonomy: Taxonomy = field(default_factory=load_taxonomy)
    rules: RuleSet = field(default_factory=RuleSet)
    sha256: str = ""


def find_config(*, environment: Mapping[str, str] = os.environ, folder: Path | None = None) -> Path | None:
    """The configuration in force: BOUNCEML_CONFIG, else bounceml.toml in `folder` (the working folder), else None.

    Raises ConfigError where it can't be told whether the folder has one.
    """
    if named := environment.get(ENVIRONMENT_VARIABLE):
        return Path(named)
    path = (folder or Path()) / FILE_NAME
    return path if is_file(path, failure=ConfigError) else None


def load_config(path: Path | None) -> Config:
    """Configuration from a file, the default without one.

    Raises ConfigError, naming file and entry, if the file is missing or breaks the format.
    """
    if path is None:
        return Config()
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: can't read the configuration: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from error
    return parse_config(text, path=path)


def parse_config(text: str, *, path: Path) -> Config:
    """Configuration from the text of a file; raises ConfigError that names `path`, as `load_config`."""
    data = read_toml(text, origin=str(path))
    if unknown := set(data) - _FIELDS:
        raise ConfigError(f"{path}: no such entry {min(unknown)!r}; use format, table, [reasons.NAME] and [[rule]]")
    if data.get("format", FORMAT) != FORMAT:
        raise ConfigError(f"{path}: format {data['format']!r}, this bounceml reads {FORMAT}")
    table, reasons = data.get("table", "default"), data.get("reasons", {})
    if not isinstance(table, str) or not isinstance(reasons, dict):
        raise ConfigError(f"{path}: table must be a name and reasons must be tables [reasons.NAME]")
    taxonomy = load_taxonomy(table).changed(reasons, origin=str(path))
    rules = parse_rules(data.get("rule", []), origin=str(path), reasons=taxonomy.reasons)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    return Config(taxonomy=taxonomy, rules=rules, sha256=digest.hexdigest())
