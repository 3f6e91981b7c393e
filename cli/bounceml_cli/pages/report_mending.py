"""The report's advice: what to mend first, and which addresses to drop."""

import base64
from collections import Counter
from collections.abc import Sequence
from typing import Any

from bounceml_cli.exits import printable
from bounceml_cli.pages.words import Words, width
from bounceml_datasets.reports.addresses import MOST_INSIDE, as_csv
from bounceml_datasets.reports.remedies import BLOCKLIST, Link, Remedies

DROP_FILE = "addresses-to-drop.csv"
# The topic of addresses to drop: its failures are told by their action.
_DEAD = "dead"
# What a page shows of long lists.
_PROVIDERS, _LISTS, _SHOWN = 4, 12, 10


def mend(words: Words, remedies: Remedies) -> list[dict[str, Any]]:
    """What to mend, by how many failures it costs."""
    figures, texts = words.figures, words.texts
    by_topic: Counter[str] = Counter()
    for (topic, _), n in figures.topics.items():
        by_topic[topic] += n
    by_topic[_DEAD] = _dead(words).total()
    links = {topic.id: topic.links for topic in remedies.topics}
    class_of = {topic.id: words.fault(min(topic.reasons)) for topic in remedies.topics}
    return [
        {
            **texts.tables["remedies"][topic],
            "class": class_of.get(topic, "recipient" if topic == _DEAD else "sender"),
            "failures": words.failures(n),
            "width": width(n, figures.failures),
            "links": _links(links.get(topic, ())),
            **_providers(topic, words=words, remedies=remedies),
            "lists": _lists(words, remedies) if topic == BLOCKLIST else [],
            "is_dead": topic == _DEAD,
        }
        for topic, n in by_topic.most_common()
        if n > 0
    ]


def needs_no_mending(words: Words) -> str:
    """How many failures are neither of dead addresses nor for the sender to mend; empty where none is left."""
    rest = words.figures.failures - words.figures.topics.total() - _dead(words).total()
    return words.texts.say("mend_retry", n=words.counted(rest)) if rest > 0 else ""


def drop(words: Words) -> dict[str, Any]:
    """The addresses to give up."""
    drops, texts = words.figures.drops, words.texts
    found: dict[str, Any] = dict.fromkeys(("none", "count", "beside", "link", "href", "file"), "")
    found |= {"notes": [], "shown": []}
    if drops is None:
        return found | {"none": texts.say("drop_no_recipients", n=texts.number(_dead(words).total()))}
    if drops.is_uncertain:
        found["notes"].append(texts.say("drop_uncertain"))
    if drops.odd:
        found["notes"].append(texts.say("drop_odd", n=texts.number(drops.odd)))
    if not drops.count:
        return found | {"none": texts.say("drop_none")}
    found["count"] = texts.say("drop_count", n=texts.number(drops.count))
    if drops.beside is not None:
        most = texts.number(MOST_INSIDE)
        return found | {"beside": texts.say("drop_beside", most=most, file=printable(drops.beside.name))}
    shown = [
        {"address": printable(each.address), "reason": words.reason(each.reason)} for each in drops.inside[:_SHOWN]
    ]
    return found | {
        "link": texts.say("drop_link", n=texts.number(len(drops.inside))),
        "href": _as_link(as_csv(drops.inside, head=True)),
        "file": DROP_FILE,
        "shown": shown,
    }


def _dead(words: Words) -> Counter[str]:
    """Failures of addresses to give up, by reason."""
    actions = words.figures.actions.items()
    return Counter({reason: n for (action, reason), n in actions if action == "suppress"})


def _providers(topic: str, *, words: Words, remedies: Remedies) -> dict[str, Any]:
    """The receivers that most of a topic's failures are at, with their own pages."""
    topics, texts = words.figures.topics.items(), words.texts
    counts = Counter({provider: n for (of, provider), n in topics if of == topic and provider and n > 0})
    most = [(remedies.providers[provider], n) for provider, n in counts.most_common(_PROVIDERS)]
    named = [texts.say("mend_at_one", name=each.name, n=texts.number(n)) for each, n in most]
    return {
        "at": texts.say("mend_at", receivers=texts.listed(named)),
        "providers": [
            {"name": texts.say("mend_pages", name=each.name), "links": _links(each.links)} for each, _ in most
        ],
    }


def _lists(words: Words, remedies: Remedies) -> list[dict[str, str]]:
    found = []
    for name, n in words.figures.blocklists.most_common(_LISTS):
        page, note = remedies.blocklists.get(name), ""
        if page is None:
            note = words.texts.say("mend_no_page")
        elif page.closed:
            note = words.texts.say("mend_closed", day=page.closed)
        found.append({"name": name, "n": words.texts.number(n), "url": (page and page.url) or "", "note": note})
    return found


def _links(links: Sequence[Link]) -> list[dict[str, str]]:
    return [{"title": link.title, "url": link.url} for link in links]


def _as_link(text: str) -> str:
    """A CSV file as a link that holds it; Excel needs the mark to read what isn't ASCII."""
    data = text.encode("utf-8" if text.isascii() else "utf-8-sig")
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(data).decode('ascii')}"
