"""What a project says of itself: in mkdocs.yml, and below `[tool.literate]` in pyproject.toml."""

import tomllib
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.utils.yaml import get_yaml_loader, yaml_load


def read_options(root: Path, name: str) -> dict[str, Any]:
    """Read the table `[tool.literate.NAME]` of a project; empty if it has none."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text).get("tool", {}).get("literate", {}).get(name, {})
    return found


def read_mkdocs(config: Path) -> dict[str, Any]:
    """Read an mkdocs.yml, with the values of the environment and of what it inherits.

    Raises:
        ConfigurationError: If it is not YAML.
    """
    whole = MkDocsConfig(config_file_path=str(config))
    with config.open(encoding="utf-8") as file:
        return dict(yaml_load(file, get_yaml_loader(config=whole)))
