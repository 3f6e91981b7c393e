"""A model file opens only as it was written, and answers as the model that was trained."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from bounceml.classifier import load
from bounceml.errors import ModelFileError
from bounceml.masking import tokens
from bounceml.modelfile import open_model, write_model
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


def lie(model: Path, **changes: object) -> Path:
    """The model with other values in its header, by "key" or "key__inner", and a checksum that agrees."""
    data = model.read_bytes()
    size = int.from_bytes(data[8:16], "little")
    header, arrays = json.loads(data[48 : 48 + size]), data[-(-(48 + size) // 64) * 64 :]
    n = header["n_features"]
    for key, value in changes.items():
        outer, _, inner = key.partition("__")
        if inner:
            header[outer][int(inner) if inner.isdigit() else inner] = value
        else:
            header[outer] = value
    ends = 8 * n, 12 * n
    path = model.with_name("lying.model")
    write_model(
        path,
        header,
        fingerprints=arrays[: ends[0]],
        idf=arrays[ends[0] : ends[1]],
        weights=arrays[ends[1] :],
    )
    return path


RULE = {"id": "a", "reason": "mailbox_full"}


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"format": None},
        {"version": "\x1b[31m"},
        {"version": 3},
        {"classes": ["a"]},
        {"classes": ["user_unknown", "user_unknown", "server_error"]},
        {"classes": ["<b>", "user_unknown", "server_error"]},
        {"classes": [1, 2, 3]},
        {"n_features": 10**18},
        {"n_features": -1},
        {"n_features": True},
        {"bias": [0.0, 1.0]},
        {"bias": [0.0, 1.0, float("nan")]},
        {"bias": [0.0, 1.0, 10**400]},
        {"bias": [0.0, 1.0, "2"]},
        {"calibration": {}},
        {"calibration__temperature": 0},
        {"calibration__answer_from": 2},
        {"calibration__weights": [1.0]},
        {"calibration__intercept": float("inf")},
        {"rules": ["x"]},
        {"rules": [{"rule": RULE, "precision": 2}]},
        {"rules": [{"rule": RULE}]},
        {"rules": [{"rule": {"id": "a"}, "precision": 0.5}]},
        {"rules": [{"rule": RULE | {"pattern": "("}, "precision": 0.5}]},
        {"rules": [{"rule": RULE | {"pattern": "(a{0,60}){0,60}b"}, "precision": 0.5}]},
        {"rules": [{"rule": RULE | {"pattern": "a{0,99999999999}"}, "precision": 0.5}]},
        {"rules": [{"rule": RULE | {"phrases": [1]}, "precision": 0.5}]},
        {"rules": [{"rule": RULE | {"__class__": "os"}, "precision": 0.5}]},
    ],
    ids=str,
)
def test_a_lying_header_is_refused_in_one_line(tiny_model: Path, changes: dict[str, object]) -> None:
    with pytest.raises(ModelFileError, match=r"lying\.model") as refused:
        load(lie(tiny_model, **changes))
    assert "\n" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("name", ["idf", "weights"])
def test_weights_that_are_no_numbers_are_refused(tiny_model: Path, tiny_trained: Trained, name: str) -> None:
    vocabulary = tiny_trained.fitted.vocabulary
    n, k = len(vocabulary.idf), len(tiny_trained.header["classes"])
    arrays = {"idf": vocabulary.idf.astype("<f4"), "weights": np.zeros((n, k), "<f2")}
    arrays[name].flat[n // 2] = np.nan
    path = tiny_model.with_name("nan.model")
    write_model(
        path,
        tiny_trained.header,
        fingerprints=vocabulary.fingerprints.astype("<u8").tobytes(),
        idf=arrays["idf"].tobytes(),
        weights=arrays["weights"].tobytes(),
    )
    with pytest.raises(ModelFileError, match=r"nan\.model"):
        load(path)


def test_a_pickle_inside_is_refused_and_not_run(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return (tmp_path / "ran").touch, ()

    for name, data in {"whole": pickle.dumps(Runs()), "behind": b"bounceML" + pickle.dumps(Runs())}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelFileError):
            load(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_header_tells_where_the_model_comes_from(tiny_trained: Trained) -> None:
    manifest = tiny_trained.header["manifest"]
    assert len(manifest["corpus_sha256"]) == 64
    assert manifest["rows"] == 27
    assert {"numpy", "scikit-learn", "bounceml"} <= set(manifest["packages"])
    assert 0 < manifest["scores"]["held_out_templates"]["accuracy"] <= 1
    json.dumps(tiny_trained.header)
