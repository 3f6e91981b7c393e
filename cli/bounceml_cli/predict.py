"""`bounceml predict`: verdicts on e-mails and bare replies."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bounceml.classifier import Classifier, load
from bounceml.config import find_config
from bounceml.decode import decode
from bounceml.errors import MessageError
from bounceml.verdict import Verdict
from bounceml_cli.exits import Exit, complain, json_line, printable

# A message may not make us read more than this of standard input, in bytes.
_MAX_STDIN = 64 * 1024 * 1024


def run(
    files: Sequence[str], *, texts: Sequence[str], json: bool, explain: bool, model: Path | None, config: Path | None
) -> Exit:
    """Print a verdict for each recipient of each message; a file that can't be read is named, the rest answered."""
    classifier = load(model, config=config or find_config())
    failed: list[str] = []
    verdicts = verdicts_on(classifier, files=files, texts=texts, failed=failed)
    if json:
        for verdict in verdicts:
            entry = verdict.to_dict()
            if explain:
                entry["explanation"] = _explanation(classifier, verdict)
            print(json_line(entry), flush=True)
    else:
        from bounceml_cli.table import show

        show(verdicts, classifier=classifier if explain else None)
    return Exit.FAILED if failed else Exit.DONE


def verdicts_on(
    classifier: Classifier, *, files: Sequence[str], texts: Sequence[str], failed: list[str]
) -> Iterator[Verdict]:
    """Verdicts on bare replies, then on messages; a file that can't be read is named and goes into `failed`."""
    for text in texts:
        yield classifier.classify(_read(text))
    if not files:
        return
    from bounceml.mail import read_message

    for name, content in _messages(files, failed=failed):
        try:
            yield from classifier.judge(read_message(content), file=name)
        except MessageError as error:
            failed.append(name)
            complain(f"{name}: {error}")


def _read(argument: str) -> str:
    """A text from the command line, also where it isn't in the character set of the system's language."""
    try:
        argument.encode()
    except UnicodeEncodeError:  # Python keeps such bytes as halves of characters
        return decode(os.fsencode(argument))
    return argument


def _messages(files: Sequence[str], *, failed: list[str]) -> Iterator[tuple[str, bytes]]:
    from bounceml.mail import split_file

    def skipped(file: Path | str, error: OSError) -> None:
        failed.append(str(file))
        complain(f"{file}: can't read it: {os.strerror(error.errno) if error.errno else error}")

    for name in files:
        try:
            if name == "-":
                yield "-", sys.stdin.buffer.read(_MAX_STDIN)
            else:
                yield from split_file(Path(name), skipped=skipped)
        except MessageError as error:
            failed.append(name)
            complain(error)
        except OSError as error:
            skipped(name, error)


def _explanation(classifier: Classifier, verdict: Verdict) -> dict[str, object]:
    from bounceml.explanation import explain_verdict

    found = explain_verdict(classifier, verdict)
    return {
        "known": round(found.known, 4),
        "contributions": [[printable(c.gram), round(c.logit, 4)] for c in found.contributions[:12]],
        "rules": [rule.id for rule in found.rules],
    }
