"""A model file opens only as it was written, and answers as the model that was trained."""

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bounceml.classifier import load
from bounceml.errors import ModelFileError
from bounceml.home import Home
from bounceml.masking import tokens
from bounceml.modelfile import open_model, read_model, write_model
from bounceml.scoring import score
from bounceml_datasets.corpus import Row
from bounceml_training.sklearn_export import export_joblib, from_model
from bounceml_training.trainer import Trained
from bounceml_training.vectors import count_grams, grams
from forked import Commands


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


@settings(max_examples=300)
@given(data=st.data())
def test_a_changed_byte_anywhere_is_refused(tiny_model: Path, data: st.DataObject) -> None:
    model = bytearray(tiny_model.read_bytes())
    at = data.draw(st.integers(0, 63) | st.integers(0, len(model) - 1))
    model[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ModelFileError, match=r"^changed\.model: ") as refused:
        read_model(memoryview(bytes(model)), path=Path("changed.model"))
    assert "\n" not in str(refused.value)


@settings(max_examples=100)
@given(data=st.data())
def test_a_file_cut_or_grown_anywhere_is_refused(tiny_model: Path, data: st.DataObject) -> None:
    model = tiny_model.read_bytes()
    cut = data.draw(st.integers(0, len(model) - 1))
    more = data.draw(st.binary(min_size=1, max_size=100))
    for made in (model[:cut], model + more, model[:cut] + more + model[cut:]):
        with pytest.raises(ModelFileError):
            read_model(memoryview(made), path=Path("x"))


def poisoned(model: Path) -> dict[str, bytes]:
    """Model files that were tampered with, by how."""
    data = model.read_bytes()
    middle = len(data) // 2
    bomb = b"cos\nsystem\n(S'touch ran'\ntR."
    return {
        "empty": b"",
        "a changed byte": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "cut": data[:middle],
        "appended": data + b"x",
        "a pickle": bomb,
        "a pickle behind": data + bomb,
        "a pickle as header": signed(bomb),
        "a huge shape": lie(model, n_features=10**15).read_bytes(),
        "another shape": lie(model, n_features=3).read_bytes(),
        "no classes": lie(model, classes=[]).read_bytes(),
        "a header that is longer": data[:8] + (1 << 60).to_bytes(8, "little") + data[16:],
    }


def signed(header: bytes) -> bytes:
    """A file with this as its header, and a checksum that agrees."""
    return b"bounceML" + len(header).to_bytes(8, "little") + hashlib.sha256(header).digest() + header


def test_commands_refuse_a_poisoned_model_in_one_line(forked: Commands, own_model: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.models.mkdir(parents=True)
    home.path_of("old").write_bytes(own_model.read_bytes())
    home.note(("old",))
    (tmp_path / "in.csv").write_text("diagnostic\n550 no such user\n")
    (tmp_path / "out.csv").write_text("old")
    for how, data in poisoned(own_model).items():
        (tmp_path / "bad.model").write_bytes(data)
        for arguments in (
            ["predict", "--model", "bad.model", "--text", "550 no such user"],
            ["score", "--model", "bad.model", "in.csv", "-o", "out.csv"],
            ["models", "promote", "bad.model"],
            ["models", "promote", "bad.model", "--force"],
            ["evaluate", "bad.model", "--data", "in.csv"],
            ["export", "--model", "bad.model", "-o", "out.csv"],
        ):
            environment = {"BOUNCEML_HOME": str(home.folder)}
            done = forked.run(arguments, folder=tmp_path, environment=environment)
            assert (done.returncode, done.stdout) == (1, ""), (how, arguments, done)
            (line,) = done.stderr.splitlines()
            assert line.startswith("bounceml: bad.model: "), (how, line)
    assert home.history() == ("old",)
    assert [path.name for path in home.models.iterdir()] == ["old.model"]
    assert (tmp_path / "out.csv").read_text() == "old"
    assert not (tmp_path / "ran").exists()


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


def test_a_model_without_rules_scores(forked: Commands, tiny_model: Path, tmp_path: Path) -> None:
    lie(tiny_model, rules=[]).rename(tmp_path / "own.model")
    (tmp_path / "in.csv").write_text("diagnostic\n550 no such user\n")
    done = forked.run(["score", "--model", "own.model", "in.csv", "-o", "out.csv"], folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 2


RULE = {"id": "a", "reason": "mailbox_full"}


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"format": 10**4000},
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
        {"rules": [{"rule": RULE | {"pattern": "((a+))+!"}, "precision": 0.5}]},
        {"rules": [{"rule": RULE | {"id": "\x1b]0;owned\x07"}, "precision": 0.5}]},
        {"rules": [{"rule": RULE | {"reason": "a\u202eb"}, "precision": 0.5}]},
        {"rules": [{"rule": RULE | {"id": "a" * 81}, "precision": 0.5}]},
        {"reasons": {"\x1b[2J": {"action": "review"}}},
        {"rules": [{"rule": RULE | {"pattern": "(?:a|a){40}!"}, "precision": 0.5}]},
        {"rules": [{"rule": RULE | {"pattern": "a{0,60}b{0,60}!"}, "precision": 0.5}] * 9},
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
