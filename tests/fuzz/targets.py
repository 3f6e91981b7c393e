"""What is fuzzed: for each target its check, the inputs to begin with, and its share of all inputs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import checks
import seeds

# Seconds of the processor that no input may take.
_MOST_S = 2


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads what strangers wrote.

    `share` is how many of a run's inputs it gets, against the other targets': fewer where one takes longer.
    """

    promise: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]
    share: int
    most_s: float = _MOST_S

    def check(self, data: bytes) -> None:
        """Raise where a promise is broken, or it takes too long."""
        started = time.process_time()
        self.promise(data)
        took = time.process_time() - started
        assert took < self.most_s, f"took {took:.1f} s"


TARGETS: dict[str, Target] = {
    "message": Target(checks.check_message, lambda: seeds.files("tests/cases/*.eml", "examples/*.eml"), 300),
    "mailbox": Target(checks.check_mailbox, seeds.mailboxes, 80),
    "decoder": Target(checks.check_decoder, lambda: [b"\0" + text for text in seeds.texts()], 1200),
    "text": Target(checks.check_text, seeds.texts, 250),
    "mask": Target(checks.check_mask, seeds.texts, 1600),
    "csv": Target(checks.check_csv, lambda: seeds.beginnings("tests/data/exports/*.csv", "examples/*.csv"), 500),
    "json": Target(checks.check_json, seeds.json_exports, 900),
    "log": Target(checks.check_log, lambda: seeds.beginnings("tests/data/exports/*.log"), 900),
    "preset": Target(checks.check_preset, seeds.by_preset, 800),
    "event": Target(checks.check_event, seeds.choices, 500),
    "xlsx": Target(checks.check_file("xlsx"), seeds.workbook, 600),
    "worksheet": Target(checks.check_worksheet, seeds.worksheets, 150),
    # A page that lies about its size makes pyarrow take up to 2 GB before it refuses it.
    "parquet": Target(checks.check_file("parquet"), seeds.parquet_file, 350, most_s=10),
    "table": Target(checks.check_table, seeds.choices, 60),
    "packed": Target(checks.check_packed, seeds.packed, 400),
    "sheet": Target(checks.check_sheet, seeds.sheets, 150),
    "labelled": Target(checks.check_labelled, seeds.labelled, 150),
    "corpus": Target(checks.check_corpus, seeds.corpus_lines, 500),
    "configuration": Target(checks.check_configuration, seeds.configurations, 150),
    "model": Target(checks.check_model, lambda: [seeds.model_body(*seeds.small_model())], 1000),
    "header": Target(checks.check_header, seeds.choices, 500),
}
