"""The order of decisions, and promises over all inputs."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bounceml
from bounceml.classifier import Classifier, load
from bounceml.mail import read_message
from bounceml.taxonomy import load_taxonomy

KEYS = [
    "file", "kind", "type", "reason", "fault", "action", "confidence", "type_confidence", "decided_by", "recipient",
    "smtp_code", "enhanced_code", "diagnostic", "retry_after_s", "blocklist", "alternatives", "model_version",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason", "bounce_type", "action"),
    [
        ("550 5.1.1 User unknown", "user_unknown", "hard", "suppress"),
        ("552 邮箱空间不足", "mailbox_full", "soft", "retry"),
        ("554 5.7.1 Service unavailable; blocked using zen.spamhaus.org", "sender_reputation", "hard", "fix_sender"),
        ("450 4.2.0 Greylisted, please try again in 5 minutes", "greylisted", "soft", "retry"),
        ("Пользователь не найден", "user_unknown", "hard", "suppress"),
        ("Das Postfach des Empfängers ist voll", "mailbox_full", "soft", "retry"),
    ],
)
def test_shipped_model_knows_stock_replies(
    shipped: Classifier, text: str, reason: str, bounce_type: str, action: str
) -> None:
    verdict = shipped.classify(text)
    assert (verdict.reason, verdict.type) == (reason, bounce_type)
    assert verdict.action == action or (action, verdict.action) == ("suppress", "review")


def test_an_address_is_given_up_only_where_that_is_nearly_certain(shipped: Classifier) -> None:
    assert (
        shipped.classify("550 5.1.1 <kim@example.com>: Recipient address rejected: User unknown").action == "suppress"
    )
    unsure = shipped.classify("550 user something")
    assert unsure.confidence < shipped.calibration.suppress_from
    assert unsure.action != "suppress"


def test_verdict_has_the_documented_keys(shipped: Classifier) -> None:
    assert list(shipped.classify("550 no").to_dict()) == KEYS


def test_a_refusal_is_soft_when_the_server_deferred(shipped: Classifier) -> None:
    text = "Service unavailable; client host blocked using zen.spamhaus.org"
    assert shipped.classify(f"554 {text}").type == "hard"
    assert shipped.classify(f"450 {text}").type == "soft"
    assert shipped.classify(text, smtp_code="451").type == "soft"


def test_confidences_are_probabilities_in_order(shipped: Classifier) -> None:
    verdict = shipped.classify("550 message refused")
    shares = [verdict.confidence, *(a.confidence for a in verdict.alternatives)]
    assert all(0 <= share <= 1 for share in shares)
    assert verdict.type_confidence is not None
    assert verdict.type_confidence >= verdict.confidence or verdict.reason == "unknown"


def test_user_rules_come_before_the_model(tmp_path: Path) -> None:
    config = tmp_path / "bounceml.toml"
    config.write_text(
        '[[rule]]\nid = "mine"\nreason = "policy"\nphrases = ["user unknown"]\n'
        'examples = ["user unknown", "550 user unknown"]\n'
    )
    verdict = load(config=config).classify("550 5.1.1 User unknown")
    assert verdict.decided_by == "user_rule:mine"
    assert verdict.reason == "policy"
    assert verdict.confidence == pytest.approx(3 / 4)


def test_delays_are_never_hard_nor_suppressed(shipped: Classifier) -> None:
    report = read_message(
        b"From: MAILER-DAEMON@example.com\nSubject: Warning: could not send message for past 4 hours\n\n"
        b"Your message has not yet been delivered and will be retried.\n\n<kim@example.com>: 450 4.1.1 user unknown\n"
    )
    verdict = shipped.judge(report)[0]
    assert verdict.kind == "delay"
    assert verdict.type == "soft"
    assert verdict.action != "suppress"


def test_a_text_answers_the_same_in_any_company(shipped: Classifier) -> None:
    texts = ["550 user unknown", "x", "550 user unknown", "552 邮箱空间不足", ""]
    assert list(shipped.classify_many(texts)) == [shipped.classify(text) for text in texts]


def test_what_nobody_can_read_is_not_answered_confidently(shipped: Classifier) -> None:
    assert {shipped.classify(text).reason for text in ("", "   ", "--")} == {"unknown"}
    for text in ("qzxv wqkj zzyx qqpl", "\U000103a0\U000103a1\U000103a2 \U000103a3"):
        assert shipped.classify(text).confidence < 0.7


@pytest.mark.parametrize("text", ["I am out of the office until Monday and will answer when I am back."])
def test_what_is_no_bounce_has_no_reason(shipped: Classifier, text: str) -> None:
    verdict = shipped.classify(text)
    assert verdict.kind == "auto_reply"
    assert (verdict.type, verdict.reason, verdict.action) == (None, None, None)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_classify_never_raises(text: str) -> None:
    classifier = bounceml.load()
    verdict = classifier.classify(text)
    assert verdict.reason is None or verdict.reason in load_taxonomy().reasons
    assert 0 <= verdict.confidence <= 1


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=100), st.text(max_size=5) | st.none(), st.text(max_size=8) | st.none())
def test_odd_codes_do_no_harm(text: str, smtp: str | None, enhanced: str | None) -> None:
    bounceml.load().classify(text, smtp_code=smtp, enhanced_code=enhanced)
