"""A model file opens only as it was written, and answers as the model that was trained."""

import json
from pathlib import Path

import numpy as np
import pytest

from bounceml.classifier import load
from bounceml.errors import ModelFileError
from bounceml.masking import tokens
from bounceml.modelfile import open_model
from bounceml.scoring import score
from bounceml_datasets.corpus import Row
from bounceml_training.sklearn_export import export_joblib, from_model
from bounceml_training.trainer import Trained
from bounceml_training.vectors import count_grams, grams


def test_file_answers_as_the_trained_model(tiny_model: Path, tiny_trained: Trained, tiny_rows: tuple[Row, ...]) -> None:
    model = open_model(tiny_model)
    texts = [row.text for row in tiny_rows] + ["", "words that nobody wrote", "550"]
    expected = tiny_trained.fitted.logits(count_grams(grams(text) for text in texts))
    found = [score(tokens(text), model=model).logits for text in texts]
    assert np.allclose(found, expected, atol=0.02)  # weights are kept in half precision


def test_scikit_learn_export_answers_as_the_file(tiny_model: Path, tiny_rows: tuple[Row, ...], tmp_path: Path) -> None:
    model = open_model(tiny_model)
    texts = [row.text for row in tiny_rows]
    logits = from_model(model).decision_function(texts)
    assert np.allclose(logits, [score(tokens(text), model=model).logits for text in texts], atol=1e-4)
    export_joblib(model, path=tmp_path / "model.joblib")
    import joblib

    again = joblib.load(tmp_path / "model.joblib")
    assert list(again.predict(texts)) == list(from_model(model).predict(texts))
    assert np.allclose(again.predict_proba(texts).sum(axis=1), 1)


def test_a_changed_byte_anywhere_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    data = tiny_model.read_bytes()
    path = tmp_path / "changed.model"
    for at in [*range(64), *range(64, len(data), max(1, len(data) // 50)), len(data) - 1]:
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(ModelFileError):
            open_model(path)


@pytest.mark.parametrize("size", [0, 1, 8, 47, 48, 1000])
def test_a_cut_file_is_refused(tiny_model: Path, tmp_path: Path, size: int) -> None:
    path = tmp_path / "cut.model"
    path.write_bytes(tiny_model.read_bytes()[:size])
    with pytest.raises(ModelFileError, match=r"cut\.model"):
        open_model(path)


def test_a_missing_file_and_another_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="can't open"):
        load(tmp_path / "none.model")
    (tmp_path / "text.model").write_text("x" * 500)
    with pytest.raises(ModelFileError, match="not a bounceml model file"):
        load(tmp_path / "text.model")


def test_header_tells_where_the_model_comes_from(tiny_trained: Trained) -> None:
    manifest = tiny_trained.header["manifest"]
    assert len(manifest["corpus_sha256"]) == 64
    assert manifest["rows"] == 27
    assert {"numpy", "scikit-learn", "bounceml"} <= set(manifest["packages"])
    assert 0 < manifest["scores"]["held_out_templates"]["accuracy"] <= 1
    json.dumps(tiny_trained.header)
