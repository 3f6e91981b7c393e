"""Which rules match texts, whether or not the model asks them."""

from collections.abc import Sequence

import numpy as np

from bounceml.codes import codes_in
from bounceml.features import word_fingerprint
from bounceml.kernel import library
from bounceml.rule_index import RuleIndex
from bounceml.rules import RuleSet
from bounceml.templates import new_templates


def rule_matches(texts: Sequence[str], *, rules: RuleSet) -> np.ndarray:
    """Which rules match each text, bool of shape (n_texts, n_rules)."""
    templates = new_templates()
    numbers = templates.number([text.encode("utf-8", "replace") for text in texts])
    words = templates.tokens()
    ids, ends = templates.arrays()
    if not len(ends):
        return np.zeros((0, len(rules.rules)), bool)
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
    index = RuleIndex(rules, kernel=library())
    index.learn(words)
    matching = index.matching(
        ids,
        starts,
        ends,
        prints=np.array([word_fingerprint(word) for word in words], np.uint64),
        codes=[
            codes_in([words[i] for i in ids[start:end].tolist()])
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ],
        which=np.arange(len(ends)),
    )
    return np.asarray(matching[numbers])
