"""The shipped model is what `bounceml train` makes of the repository's own data."""

from pathlib import Path

import numpy as np

from bounceml.classifier import Classifier
from bounceml.modelfile import default_model, open_model
from bounceml.rules import builtin_rules
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import corpus_hash, load_corpus
from bounceml_training.card import model_card
from bounceml_training.regression import fit
from bounceml_training.settings import load_settings
from bounceml_training.texts import read_texts

ROOT = Path(__file__).parents[1]
ROWS = load_corpus(reasons=load_taxonomy().reasons)


def test_shipped_model_was_trained_on_these_rows_and_rules(shipped: Classifier) -> None:
    assert shipped.model.header["manifest"]["corpus_sha256"] == corpus_hash(ROWS)
    assert [rule.id for rule in shipped.rules.rules] == [rule.id for rule in builtin_rules().rules]
    assert shipped.rules.to_json() == builtin_rules().to_json()


def test_shipped_model_was_trained_with_these_settings(shipped: Classifier) -> None:
    from dataclasses import asdict

    settings = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(load_settings()).items()}
    assert shipped.model.header["manifest"]["settings"] == settings


def test_training_again_gives_the_shipped_weights() -> None:
    """Calibration is left out: it takes most of the time, and `make model` runs it."""
    model = open_model(default_model())
    fitted = fit(read_texts(ROWS, settings=load_settings()).sample(), settings=load_settings())
    assert fitted.classes == tuple(model.header["classes"])
    assert np.array_equal(fitted.vocabulary.fingerprints, np.array(model.fingerprints))
    weights = np.frombuffer(model.weights, dtype="<f2").reshape(len(model.idf), -1)
    expected = fitted.coefficients.T * fitted.vocabulary.idf[:, None]
    # Other processors and package versions add up in another order; half precision keeps three digits.
    assert np.allclose(weights, expected, atol=0.02, rtol=0.02)


def test_model_file_is_small_enough_to_ship() -> None:
    assert default_model().stat().st_size < 8_000_000


def test_shipped_model_is_modest_and_right_where_it_is_sure_of_held_out_texts(shipped: Classifier) -> None:
    """Confidence is fitted on stranger texts than our own (`training/README.md`), so on these it is too low."""
    for name in ("held_out_templates", "held_out_families"):
        scores = shipped.model.header["manifest"]["scores"][name]
        assert 0 <= scores["ece"] <= 0.12
        assert scores["accuracy_at_90"] >= 0.98
        assert all(sure <= right + 0.03 for sure, right in scores["calibration"]), name


def test_no_language_gets_one_constant_answer(shipped: Classifier) -> None:
    for lang in {row.lang for row in ROWS}:
        rows = [row for row in ROWS if row.lang == lang]
        texts = [row.text for row in rows[:: max(1, len(rows) // 40)]]
        answers = {verdict.reason or verdict.kind for verdict in shipped.classify_many(texts)}
        assert len(answers) >= 10, lang


def test_model_card_is_the_shipped_models(shipped: Classifier) -> None:
    assert (ROOT / "MODEL_CARD.md").read_text("utf-8") == model_card(shipped.model.header)


def test_default_model_path_is_a_file() -> None:
    assert isinstance(default_model(), Path)
