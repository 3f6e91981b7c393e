"""How a model is trained, as `data/settings.toml` says."""

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """Training settings; what each means stands in `data/settings.toml`."""

    seed: int
    min_document_frequency: int
    max_features: int
    C: float
    tolerance: float
    grouped_folds: int
    family_folds: int
    similarity: float
    wrapped_share: float
    ask_rules_below: tuple[float, ...]
    vote_weight: tuple[float, ...]
    answer_from: float
    worn_share: float
    suppress_precision: float


def _data(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("bounceml_training").joinpath(f"data/{name}.toml").read_text("utf-8"))


def load_settings() -> Settings:
    """The settings that the shipped model is trained with."""
    data = _data("settings")
    return Settings(
        seed=data["seed"],
        min_document_frequency=data["features"]["min_document_frequency"],
        max_features=data["features"]["max_features"],
        C=data["regression"]["C"],
        tolerance=data["regression"]["tolerance"],
        grouped_folds=data["folds"]["grouped"],
        family_folds=data["folds"]["families"],
        similarity=data["folds"]["similarity"],
        wrapped_share=data["augmentation"]["wrapped_share"],
        ask_rules_below=tuple(data["calibration"]["ask_rules_below"]),
        vote_weight=tuple(data["calibration"]["vote_weight"]),
        answer_from=data["calibration"]["answer_from"],
        worn_share=data["calibration"]["worn_share"],
        suppress_precision=data["calibration"]["suppress_precision"],
    )


def load_wrappers() -> tuple[str, ...]:
    """How senders' servers quote a reply; each has `{text}` where the reply stands."""
    return tuple(_data("wrappers")["wrappers"])
