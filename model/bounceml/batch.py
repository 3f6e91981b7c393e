"""Batches of texts against the model, by numpy: the same answers as `Classifier.classify`, for far less work.

A text's answer depends on its template alone (and on the user's own rules), so each template is worked out once.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bounceml.classifier import Classifier
from bounceml.codes import Codes, codes_in, with_codes
from bounceml.decode import repair
from bounceml.masking import MAX_TEXT
from bounceml.template_scores import ModelWeights, Outcome, TemplateScorer, outcome_number
from bounceml.templates import Templates, new_templates

# Templates that are worked out at once; bounds the memory for a batch in which each text has its own.
_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers to texts: `outcomes[index[i]]` and `confidence[i]` (0–1) belong to text i; both of shape (n_texts,).

    `templates[i]` is the number of its template, for this batch and until it is asked again.
    """

    outcomes: Sequence[Outcome]
    index: np.ndarray
    confidence: np.ndarray
    templates: np.ndarray


class Batch:
    """Answers batches of texts; remembers templates from batch to batch. For one thread at a time."""

    def __init__(
        self, classifier: Classifier, *, templates: Templates | None = None, weights: ModelWeights | None = None
    ) -> None:
        self._classifier = classifier
        self._templates = templates or new_templates()
        # What never changes may be shared with other threads' batches.
        self.weights = weights or ModelWeights(classifier)
        self._scorer = TemplateScorer(classifier, self.weights)
        self._outcomes: dict[Outcome, int] = {}
        self._prints = np.empty(0, np.uint64)
        self._forget()

    def answer(
        self,
        texts: Sequence[str],
        *,
        smtp: Sequence[str | None] | None = None,
        enhanced: Sequence[str | None] | None = None,
    ) -> Answers:
        """Answers to texts; codes known from elsewhere may be given for each."""
        return self.answer_buffer(*text_buffer(texts), smtp=smtp, enhanced=enhanced)

    def answer_buffer(
        self,
        data: np.ndarray,
        offsets: np.ndarray,
        *,
        smtp: Sequence[str | None] | None = None,
        enhanced: Sequence[str | None] | None = None,
    ) -> Answers:
        """Answers to texts that lie in one buffer (uint8): text i is `data[offsets[i]:offsets[i + 1]]` (int64)."""
        numbers = self.number_buffer(data, offsets, smtp=smtp, enhanced=enhanced)
        self._work_out()
        index, confidence = self._index[numbers], self._confidence[numbers]
        if self._classifier.config.rules.rules:
            self._ask_user_rules(data, offsets, numbers, index=index, confidence=confidence)
        return Answers(tuple(self._outcomes), index, confidence, numbers)

    def number_buffer(
        self,
        data: np.ndarray,
        offsets: np.ndarray,
        *,
        smtp: Sequence[str | None] | None = None,
        enhanced: Sequence[str | None] | None = None,
    ) -> np.ndarray:
        """Numbers of the texts' templates (int64) without answers; see `answer_buffer` and `Answers`."""
        if self._templates.is_full():
            self._forget()
        elif self._templates.are_many():
            self._forget_templates()
        numbers = self._templates.number_buffer(data, offsets)
        if smtp is not None or enhanced is not None:
            numbers = self._with_codes(numbers, smtp=smtp, enhanced=enhanced)
        return numbers

    def fingerprints(self, numbers: np.ndarray) -> np.ndarray:
        """Fingerprints (uint64) of templates by number: the same template has the same one in every batch."""
        self._scorer.learn(self._templates.tokens())
        ids, ends = self._templates.arrays()
        starts = _starts(ends)
        new = slice(len(self._prints), len(ends))
        if new.start < new.stop:
            fresh = self._scorer.fingerprints(ids, starts[new], ends[new])
            self._prints = np.concatenate([self._prints, fresh])
        return np.asarray(self._prints[numbers])

    def template(self, number: int) -> str:
        """The text of a template by its number."""
        self._scorer.learn(self._templates.tokens())
        ids, ends = self._templates.arrays()
        return " ".join(self._scorer.words(ids[ends[number - 1] if number else 0 : ends[number]]))

    def _forget(self) -> None:
        self._templates.forget()
        self._scorer.forget()
        self._forget_templates()

    def _forget_templates(self) -> None:
        self._templates.forget_templates()
        self._index = np.empty(0, np.int32)
        self._confidence = np.empty(0)
        self._prints = np.empty(0, np.uint64)
        self._coded: dict[tuple[int, str | None, str | None], int] = {}

    def _with_codes(
        self,
        numbers: np.ndarray,
        *,
        smtp: Sequence[str | None] | None,
        enhanced: Sequence[str | None] | None,
    ) -> np.ndarray:
        """Numbers of the templates with the given codes before them, where the texts don't say the same."""
        nothing = [None] * len(numbers)
        keys = list(zip(numbers.tolist(), smtp or nothing, enhanced or nothing, strict=True))
        if new := set(keys) - self._coded.keys():
            self._scorer.learn(self._templates.tokens())
            ids, ends = self._templates.arrays()
            starts = _starts(ends)
            found = {
                n: self._scorer.words(ids[starts[n] : ends[n]]) for n in {number for number, _, _ in new}
            }  # before `put` changes the arrays
            for key in new:
                number, reply, status = key
                tokens = with_codes(found[number], given=Codes(reply, status))
                self._coded[key] = number if tokens == found[number] else self._templates.put(tokens)
        return np.array([self._coded[key] for key in keys], np.int64)

    def unseen(self, numbers: np.ndarray) -> np.ndarray:
        """Shares 0–1 of templates' character n-grams that the model doesn't know, by number; see `Answers`."""
        self._scorer.learn(self._templates.tokens())
        ids, ends = self._templates.arrays()
        return self._scorer.unseen(ids, _starts(ends)[numbers], ends[numbers])

    def _work_out(self) -> None:
        """Answers to the templates that were met for the first time."""
        self._scorer.learn(self._templates.tokens())
        ids, ends = self._templates.arrays()
        done = len(self._index)
        if done == len(ends):
            return
        index, confidence = [self._index], [self._confidence]
        starts = _starts(ends)
        for start in range(done, len(ends), _CHUNK):
            part = slice(start, start + _CHUNK)
            scored = self._scorer.answer(ids, starts[part], ends[part], outcomes=self._outcomes)
            index.append(scored[0])
            confidence.append(scored[1])
        self._index, self._confidence = np.concatenate(index), np.concatenate(confidence)

    def _ask_user_rules(
        self, data: np.ndarray, offsets: np.ndarray, numbers: np.ndarray, *, index: np.ndarray, confidence: np.ndarray
    ) -> None:
        """Put the answers of the user's rules in; they see whole texts, so each distinct text is looked at."""
        classifier = self._classifier
        said: dict[tuple[bytes, int], tuple[int, float] | None] = {}
        ids, ends = self._templates.arrays()
        starts = _starts(ends)
        for i, number in enumerate(numbers.tolist()):
            key = (data[offsets[i] : offsets[i + 1]].tobytes(), number)
            if key not in said:
                text = repair(key[0].decode("utf-8", "surrogatepass")[:MAX_TEXT])
                codes = codes_in(self._scorer.words(ids[starts[number] : ends[number]]))
                said[key] = None
                if rule := classifier.config.rules.first(text, codes=codes):
                    verdict = classifier.by_user_rule(rule, text=text, codes=codes)
                    outcome = Outcome(verdict.kind, verdict.type, verdict.reason, verdict.action, verdict.decided_by)
                    said[key] = (outcome_number(outcome, known=self._outcomes), verdict.confidence)
            if answer := said[key]:
                index[i], confidence[i] = answer


class Batches:
    """A batch for each thread, made when a thread first asks; the model's arrays are shared."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._weights = ModelWeights(classifier)
        self._of_thread = threading.local()

    def get(self) -> Batch:
        """This thread's own batch."""
        if not hasattr(self._of_thread, "batch"):
            self._of_thread.batch = Batch(self._classifier, weights=self._weights)
        batch: Batch = self._of_thread.batch
        return batch


def text_buffer(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Texts as one buffer (uint8) and offsets (int64, one more than texts), as `Batch.answer_buffer` takes them."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded) or b"\0", np.uint8), offsets


def _starts(ends: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], ends[:-1]]).astype(np.int64)
