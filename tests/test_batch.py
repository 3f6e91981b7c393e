"""Batches answer as single texts do: the same verdict, and the same confidence to a millionth."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bounceml.template_scores
import bounceml.templates
from bounceml import Classifier, load
from bounceml.batch import Answers, Batch
from bounceml.kernel import Engine, library
from bounceml.taxonomy import load_taxonomy
from bounceml.templates import KernelTemplates, PythonTemplates, Templates, read_tokens
from bounceml.verdict import Verdict
from bounceml_datasets.corpus import load_corpus

TEXTS = [row.text for row in load_corpus(reasons=load_taxonomy().reasons)]
# Pieces from which texts are made that are hard to cut: what masks look for, alone and stuck together.
PIECES = st.sampled_from(
    [
        *(Path(__file__).parent / "data" / "pieces.txt").read_text("utf-8").split("\n"),
        *[" ", "\t", "\n", "\x00", "\x1c", "\x85", "\xa0", "\u3000", "\ud800"],
    ]
)
HARD = st.lists(PIECES, max_size=30).map("".join) | st.lists(PIECES, max_size=30).map(" ".join)
KERNEL = library()


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load()


@pytest.fixture(scope="module", params=["kernel", "python"])
def batch(request: pytest.FixtureRequest, classifier: Classifier) -> Iterator[Batch]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "python":
            patch.setattr(bounceml.template_scores, "library", lambda: None)
            yield Batch(classifier, templates=PythonTemplates())
        elif KERNEL is None:
            pytest.skip("the kernel wasn't built: there is no C compiler")
        else:
            yield Batch(classifier)


def differing(answers: Answers, verdicts: Sequence[Verdict]) -> list[object]:
    """Answers that aren't those of the verdicts."""
    found: list[object] = []
    for i, (index, confidence, verdict) in enumerate(zip(answers.index, answers.confidence, verdicts, strict=True)):
        outcome = answers.outcomes[index]
        said = (outcome.kind, outcome.type, outcome.reason, outcome.action, outcome.decided_by)
        wanted = (verdict.kind, verdict.type, verdict.reason, verdict.action, verdict.decided_by)
        if said != wanted or abs(confidence - verdict.confidence) > 1e-6:
            found.append((i, said, wanted, float(confidence), verdict.confidence))
    return found


@pytest.fixture(scope="module")
def verdicts(classifier: Classifier) -> list[Verdict]:
    """What the classifier says to each labelled text."""
    return [classifier.classify(text) for text in TEXTS]


def test_every_labelled_text_is_answered_alike(batch: Batch, verdicts: list[Verdict]) -> None:
    assert differing(batch.answer(TEXTS), verdicts) == []


@given(texts=st.lists(HARD | st.text(max_size=80), max_size=8))
def test_any_text_is_answered_alike(batch: Batch, classifier: Classifier, texts: list[str]) -> None:
    assert differing(batch.answer(texts), [classifier.classify(text) for text in texts]) == []


@given(
    texts=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=6),
    codes=st.sampled_from([None, "550", "421", "250", "5.1.1", "n/a", ""]),
    status=st.sampled_from([None, "5.1.1", "4.2.2", "5.7.1 (bad)", "2.0.0"]),
)
def test_given_codes_count_alike(
    batch: Batch, classifier: Classifier, texts: list[str], codes: str | None, status: str | None
) -> None:
    answers = batch.answer(texts, smtp=[codes] * len(texts), enhanced=[status] * len(texts))
    verdicts = [classifier.classify(text, smtp_code=codes, enhanced_code=status) for text in texts]
    assert differing(answers, verdicts) == []


def test_users_rules_come_first_and_see_the_whole_text(tmp_path: Path) -> None:
    config = tmp_path / "bounceml.toml"
    config.write_text(
        "[[rule]]\nid = 'ours'\nreason = 'policy'\npattern = '\\bkim@example\\.com'\n"
        "examples = ['<kim@example.com> is closed']\n\n[reasons.mailbox_full]\nseen_as = 'hard'\n"
    )
    classifier = load(config=config)
    texts = [
        "550 <kim@example.com> unknown",
        "550 <lee@example.com> unknown",
        "552 mailbox full",
        "关于 kim@example.com",
    ] * 3
    answers = Batch(classifier).answer(texts)
    assert differing(answers, [classifier.classify(text) for text in texts]) == []
    assert [answers.outcomes[i].decided_by for i in answers.index[:2]] == ["user_rule:ours", "model"]


def test_forgetting_changes_no_answer(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Batch(classifier).answer(TEXTS[:3000])
    for limit in ("_MAX_TEMPLATES", "_MAX_TOKENS", "_MAX_TAUGHT"):
        monkeypatch.setattr(bounceml.templates, limit, 100)
    forgetful = Batch(classifier)
    for start in range(0, 3000, 100):
        answers = forgetful.answer(TEXTS[start : start + 100])
        assert [answers.outcomes[i] for i in answers.index] == [
            whole.outcomes[i] for i in whole.index[start : start + 100]
        ]


def test_forgetting_templates_keeps_what_tokens_are_worth(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = Batch(classifier)
    whole = batch.answer(TEXTS[:3000])
    monkeypatch.setattr(bounceml.templates, "_MAX_TEMPLATES", 100)
    learnt: list[str] = []
    monkeypatch.setattr(batch._scorer._rules, "learn", learnt.extend)
    again = batch.answer(TEXTS[:3000])
    assert again.confidence.tolist() == whole.confidence.tolist()
    assert learnt == []


def test_no_texts_have_no_answers(batch: Batch) -> None:
    assert len(batch.answer([]).index) == 0
    answers = batch.answer(["", " - "])
    assert [answers.outcomes[i].reason for i in answers.index] == ["unknown", "unknown"]
    assert answers.confidence.tolist() == [1.0, 1.0]


class Reader:
    """Tokens of texts, as templates number them."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._words: list[str] = []

    def tokens(self, text: str) -> list[str]:
        """Tokens of one text."""
        number = self._templates.number([text.encode("utf-8", "surrogatepass")])[0]
        self._words += self._templates.tokens()
        ids, ends = self._templates.arrays()
        return [self._words[i] for i in ids[ends[number - 1] if number else 0 : ends[number]]]


@pytest.fixture(scope="module")
def reader() -> Reader:
    if KERNEL is None:
        pytest.skip("the kernel wasn't built: there is no C compiler")
    return Reader(KernelTemplates(Engine(KERNEL)))


@given(text=HARD | st.text(max_size=200))
def test_kernel_cuts_texts_as_python_does(reader: Reader, text: str) -> None:
    assert reader.tokens(text) == read_tokens(text)


# Texts that begin alike, go on otherwise, and differ in white space and letters' case, so that what is remembered of
# one serves the next only in part.
STRETCHES = st.lists(
    st.sampled_from(
        [
            *["The email account that you tried to reach ", "the email account that you tried to ", "does not exist"],
            *[
                "  The email  account",
                "\nthe email account that you\ttried",
                "a " * 130,
                "word" * 80,
                "1.2.3.4",
                "x@y.example",
            ],
            *[
                "邮箱 不存在 ",
                "the email account thát you tried to reach",
                " - : - - : - - : - - : - - : - ",
                "https://x.example/a",
            ],
        ]
    ),
    min_size=1,
    max_size=5,
).map(" ".join)


@given(texts=st.lists(STRETCHES, min_size=1, max_size=4))
def test_kernel_remembers_no_more_of_texts_than_they_share(reader: Reader, texts: list[str]) -> None:
    for text in texts * 3:  # first a stretch is met, then remembered, then used
        assert reader.tokens(text) == read_tokens(text)


@pytest.mark.parametrize(
    ("piece", "times"),
    [
        *[
            ("a", 300_000),
            ("1.", 50_000),
            ("@", 50_000),
            ("a@", 50_000),
            (":", 50_000),
            ("邮", 50_000),
            ("邮 ", 50_000),
        ],
        *[("x.y ", 9_000), ("a-", 400), ("www.", 100), ("0", 299), ("=?", 9_000), ("&", 30_000), ("é", 299)],
    ],
)
def test_kernel_cuts_hostile_texts_as_python_does(reader: Reader, piece: str, times: int) -> None:
    text = piece * times
    assert reader.tokens(text) == read_tokens(text)


@pytest.mark.skipif(KERNEL is None, reason="the kernel wasn't built: there is no C compiler")
def test_texts_whose_length_makes_up_for_a_byte_are_told_apart() -> None:
    templates = KernelTemplates(Engine(KERNEL))  # type: ignore[arg-type]  # skipped where it is None
    texts = ["G\ufffd", "F\ufffd\0"]
    numbers = templates.number([text.encode() for text in texts])
    assert numbers.tolist() == [templates.put(read_tokens(text)) for text in texts]
    assert numbers[0] != numbers[1]
