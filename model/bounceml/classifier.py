"""The order of decisions: user rules, the model, rules where it isn't sure, then the table."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from bounceml.calibration import Calibration
from bounceml.codes import Codes, codes_in, with_codes
from bounceml.config import Config, load_config
from bounceml.decode import repair
from bounceml.home import promoted_model
from bounceml.mail.report import MessageReport, RecipientReport
from bounceml.masking import MAX_TEXT, tokens
from bounceml.modelfile import ModelFile, default_model, open_model
from bounceml.notes import blocklist_in, retry_after_in
from bounceml.opinion import Opinion, form_opinion, is_unsure
from bounceml.rules import Rule, RuleSet, rule_from_json
from bounceml.scoring import score
from bounceml.taxonomy import Kind
from bounceml.verdict import Alternative, Verdict

# Classes of the model that say that a text is no bounce begin so; the rest of the name is the kind.
KIND_PREFIX = "kind:"
UNKNOWN = "unknown"
USER_RULE = "user_rule:"
_MAX_ALTERNATIVES = 3
_MIN_ALTERNATIVE = 0.01
# Verdicts kept by classify_many; some 100 MB at most.
_REMEMBERED = 50_000


class Classifier:
    """Sorts texts and messages by a model file and a configuration; holds no state that changes."""

    def __init__(self, model: ModelFile, *, config: Config) -> None:
        """From an opened model file, whose header was checked then."""
        self.model = model
        # Reasons of the user's own that the model was trained on come with it; a configuration may change them.
        taxonomy = config.taxonomy.with_missing(model.header.get("reasons", {}), origin="model file")
        self.config = replace(config, taxonomy=taxonomy)
        self.classes: tuple[str, ...] = tuple(model.header["classes"])
        self.version: str = model.header["version"]
        self.calibration = Calibration.from_json(model.header["calibration"])
        self.rules = RuleSet(tuple(rule_from_json(entry["rule"]) for entry in model.header["rules"]), masked=True)
        self.precision = {entry["rule"]["id"]: float(entry["precision"]) for entry in model.header["rules"]}

    def classify(self, text: str, *, smtp_code: str | None = None, enhanced_code: str | None = None) -> Verdict:
        """Verdict on a bare reply or diagnostic; codes known from elsewhere (a column, a field) may be given."""
        return self._verdict(text, given=Codes(smtp_code, enhanced_code))

    def classify_many(self, texts: Iterable[str]) -> Iterator[Verdict]:
        """Verdicts on texts, in their order; equal texts cost once."""
        seen: dict[str, Verdict] = {}
        for text in texts:
            if text not in seen:
                if len(seen) >= _REMEMBERED:
                    seen.clear()
                seen[text] = self.classify(text)
            yield seen[text]

    def judge(self, report: MessageReport, *, file: str | None = None) -> tuple[Verdict, ...]:
        """Verdicts on a message that was read, one for each recipient, in the order of the report."""
        return tuple(self._judge(recipient, file=file) for recipient in report.recipients)

    def opinion(self, found: list[str], *, codes: Codes, bounce: bool = False) -> Opinion:
        """What model and rules make of a text's tokens; with `bounce` it is known to be one, and has a reason."""
        if not found:  # it surely says nothing
            return Opinion(UNKNOWN, {UNKNOWN: 1.0}, "model", (), 0.0)
        scores = score(found, model=self.model)
        logits = {
            name: z
            for name, z in zip(self.classes, scores.logits, strict=True)
            if not (bounce and name.startswith(KIND_PREFIX))
        }
        matching: tuple[Rule, ...] = ()
        if is_unsure(logits, calibration=self.calibration):
            matching = tuple(self.rules.matching_line(" ".join(found), codes=codes))
        return form_opinion(
            scores, logits=logits, matching=matching, precision=self.precision, calibration=self.calibration
        )

    def _judge(self, recipient: RecipientReport, *, file: str | None) -> Verdict:
        given = Codes(recipient.smtp_code, recipient.enhanced_code)
        verdict = self._verdict(recipient.diagnostic, given=given, kind=recipient.kind)
        return replace(verdict, recipient=recipient.recipient, file=file)

    def _verdict(self, text: str, *, given: Codes, kind: Kind | None = None) -> Verdict:
        text = repair(text[:MAX_TEXT])
        found = with_codes(tokens(text), given=given)
        codes = codes_in(found)
        if kind not in (None, "bounce", "delay"):
            return self._no_bounce(kind, text=text, codes=codes, confidence=1.0, decided_by="message")
        if rule := self.config.rules.first(text, codes=codes):
            return self.by_user_rule(rule, text=text, codes=codes, kind=kind or "bounce")
        opinion = self.opinion(found, codes=codes, bounce=kind is not None)
        if opinion.best.startswith(KIND_PREFIX):
            no_bounce: Kind = opinion.best.removeprefix(KIND_PREFIX)  # type: ignore[assignment]  # classes are our kinds
            return self._no_bounce(
                no_bounce, text=text, codes=codes, confidence=opinion.confidence, decided_by=opinion.decided_by
            )
        return self._bounce(opinion, text=text, codes=codes, kind=kind or "bounce")

    def by_user_rule(self, rule: Rule, *, text: str, codes: Codes, kind: Kind = "bounce") -> Verdict:
        """The verdict of a user's rule on a text with these codes."""
        # What it is worth is known from its examples only (rule of succession).
        n = len(rule.examples) + len(rule.counter_examples)
        opinion = Opinion(rule.reason, {rule.reason: (n + 1) / (n + 2)}, f"{USER_RULE}{rule.id}", (rule,), 1.0)
        return self._bounce(opinion, text=text, codes=codes, kind=kind)

    def _no_bounce(self, kind: Kind, *, text: str, codes: Codes, confidence: float, decided_by: str) -> Verdict:
        return Verdict(
            kind=kind,
            type=None,
            reason=None,
            fault=None,
            action=None,
            confidence=confidence,
            type_confidence=None,
            decided_by=decided_by,
            diagnostic=text,
            smtp_code=codes.smtp,
            enhanced_code=codes.enhanced,
            model_version=self.version,
        )

    def _bounce(self, opinion: Opinion, *, text: str, codes: Codes, kind: Kind) -> Verdict:
        best, confidence = opinion.best, opinion.confidence
        if confidence < self.calibration.answer_from and opinion.decided_by == "model":
            best, confidence = UNKNOWN, opinion.probabilities.get(UNKNOWN, 0.0)
        taxonomy, digit = self.config.taxonomy, codes.first_digit
        reason = taxonomy[best]
        # A delay isn't final: the server still tries, so nothing is hard, and no address is dropped for it.
        delayed = kind == "delay"
        bounce_type = "soft" if delayed else taxonomy.type_of(best, code_class=digit)
        same_type = sum(
            p
            for name, p in opinion.probabilities.items()
            if not name.startswith(KIND_PREFIX) and (delayed or taxonomy.type_of(name, code_class=digit) == bounce_type)
        )
        action = reason.action
        if action == "suppress" and not opinion.decided_by.startswith(USER_RULE):
            # A good address given up costs a customer, so where that isn't nearly certain a person has to look.
            dead = sum(p for name, p in opinion.probabilities.items() if taxonomy[name].action == "suppress")
            if dead < self.calibration.suppress_from:
                action = "review"
        if delayed and action == "suppress":
            action = "retry"
        others = sorted(((p, name) for name, p in opinion.probabilities.items() if name != best), reverse=True)
        return Verdict(
            kind=kind,
            type=bounce_type,
            reason=best,
            fault=reason.fault,
            action=action,
            confidence=confidence,
            type_confidence=min(1.0, same_type),
            decided_by=opinion.decided_by,
            diagnostic=text,
            smtp_code=codes.smtp,
            enhanced_code=codes.enhanced,
            retry_after_s=retry_after_in(text),
            blocklist=blocklist_in(text),
            alternatives=tuple(Alternative(name, p) for p, name in others[:_MAX_ALTERNATIVES] if p >= _MIN_ALTERNATIVE),
            model_version=self.version,
        )


def model_in_force() -> Path:
    """The model that the user promoted, else the shipped one; raises ModelFileError if the promoted one has gone."""
    return promoted_model() or default_model()


def load(model: Path | str | None = None, *, config: Path | str | None = None) -> Classifier:
    """A classifier from a model file and a configuration file (none by default).

    Without a model file it is the one that `bounceml models promote` put in force, else the shipped one.

    Raises ModelFileError or ConfigError, each with one line that names the file and what to do.
    """
    return Classifier(
        open_model(Path(model) if model else model_in_force()), config=load_config(Path(config) if config else None)
    )
