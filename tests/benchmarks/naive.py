"""The naive way to score an export, to be compared with: a scikit-learn pipeline that is fed every row."""

from pathlib import Path

import pyarrow.parquet as pq
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import load_corpus


def naive_pipeline() -> Pipeline:
    """TF-IDF of words and characters and a logistic regression, trained on the same data as bounceml."""
    rows = load_corpus(reasons=load_taxonomy().reasons)
    union = FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), min_df=2)),
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), min_df=2, max_features=100_000)),
        ]
    )
    pipeline = make_pipeline(union, LogisticRegression(C=10, tol=0.01))
    return pipeline.fit([row.text for row in rows], [row.label for row in rows])


def score(pipeline: Pipeline, path: Path, *, rows: int) -> int:
    """Probabilities for the first rows of a Parquet export, batch by batch; how many were scored."""
    done = 0
    for batch in pq.ParquetFile(path).iter_batches(20_000, columns=["diagnostic"]):
        texts = batch.column(0).to_pylist()[: rows - done]
        done += len(pipeline.predict_proba(texts))
        if done >= rows:
            break
    return done
