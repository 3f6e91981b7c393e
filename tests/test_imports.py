"""Labelled texts of any origin become corpus rows: mapped, merged, contradictions left out, nothing overwritten."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounceml.errors import CorpusError
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import Row, load_corpus
from bounceml_datasets.imports.importing import Imported, Job, import_labelled
from bounceml_datasets.imports.labelled import Columns, Reading, Source
from bounceml_datasets.imports.merging import Defaults
from bounceml_datasets.imports.reading import read_labelled

REASONS = load_taxonomy().reasons
EXPORTS = Path(__file__).parent / "data" / "exports"
BUILTIN = load_corpus(reasons=REASONS)


def imported(
    *paths: Path,
    to: Path,
    text: str | None = None,
    label: str | None = None,
    **how: Any,
) -> Imported:
    sources = tuple(Source(path, Columns(text, label)) for path in paths)
    return import_labelled(Job(sources, to, **how), reasons=REASONS, note=lambda line: None)


def rows(path: Path) -> list[tuple[str, str]]:
    return [(row.text, row.label) for row in load_corpus([path], reasons=REASONS)]


def write(path: Path, *records: object) -> Path:
    path.write_text("".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records), "utf-8")
    return path


def test_a_table_with_our_own_labels(tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    lines = ["550 qx gone,mailbox_disabled,en,our mta", "qx away,auto_reply,,", "qx later,kind:other,xx1,"]
    file.write_text("\n".join(["text,label,lang,source", *lines]))
    done = imported(file, to=tmp_path / "out.jsonl", defaults=Defaults("de", "own"))
    assert load_corpus([tmp_path / "out.jsonl"], reasons=REASONS) == (
        Row("550 qx gone", "mailbox_disabled", lang="en", source="our mta", part="out", line=1),
        Row("qx away", None, "auto_reply", "de", "own", part="out", line=2),
        Row("qx later", None, "other", "de", "own", part="out", line=3),
    )
    assert (done.reading.rows, len(done.added)) == (3, 3)


def test_own_names_are_mapped_and_others_counted(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[labels]\nfull = "mailbox_full"\n[vague]\nsoft = []\n')
    file = write(
        tmp_path / "in.jsonl",
        *({"text": f"qx {word}", "label": label} for word, label in [
            ("a", "Full"), ("b", "soft"), ("c", "what"), ("d", "what"), ("e", "policy"), ("f", ""), ("g", "?")
        ]),
    )  # fmt: skip
    done = imported(file, to=tmp_path / "out.jsonl", crosswalk=str(tmp_path / "own.toml"))
    assert rows(tmp_path / "out.jsonl") == [("qx a", "mailbox_full"), ("qx e", "policy")]
    assert (done.unmapped, done.vague) == ({"what": 2}, {"soft": 1})
    assert (done.reading.unlabelled, done.reading.skipped) == (1, 1)


def test_vague_labels_become_unknown_where_the_crosswalk_says_so(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('vague_as = "unknown"\n[vague]\nsoft = []\n')
    file = write(tmp_path / "in.jsonl", {"text": "qx b", "label": "soft"})
    done = imported(file, to=tmp_path / "out.jsonl", crosswalk=str(tmp_path / "own.toml"))
    assert rows(tmp_path / "out.jsonl") == [("qx b", "unknown")]
    assert done.as_unknown == 1


def test_texts_of_one_template_are_merged_or_in_conflict(tmp_path: Path) -> None:
    file = write(
        tmp_path / "in.jsonl",
        {"text": "qx kim@example.com gone", "label": "user_unknown"},
        {"text": "QX lee@example.org gone", "label": "user_unknown", "lang": "en"},
        {"text": "qx refused", "label": "policy"},
        {"text": "qx  Refused", "label": "spam_content"},
    )
    done = imported(file, to=tmp_path / "out.jsonl")
    assert load_corpus([tmp_path / "out.jsonl"], reasons=REASONS) == (
        Row("qx kim@example.com gone", "user_unknown", lang="en", part="out", line=1),
    )
    assert done.merged == 1
    assert [str(conflict) for conflict in done.conflicts] == [
        f"policy in {file}:3, spam_content in {file}:4: 'qx refused'"
    ]


def test_what_the_builtin_data_has_is_noted(tmp_path: Path) -> None:
    same, other = (row for row in BUILTIN[:2])
    wrong = "policy" if other.label != "policy" else "virus"
    file = write(tmp_path / "in.jsonl", {"text": same.text, "label": same.label}, {"text": other.text, "label": wrong})
    done = imported(file, to=tmp_path / "out.jsonl")
    assert (done.known, len(done.added)) == (1, 2)
    assert f"{other.label} in the built-in {other.part}:{other.line}" in str(done.against_builtin[0])


def test_nothing_is_overwritten_and_append_adds_only_what_is_new(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text('{"text": "qx one", "reason": "policy"}\n{"text": "qx two", "reason": "virus"}')
    before = out.read_text()
    records = [{"text": f"qx {word}", "label": "policy"} for word in ("One", "two", "three")]
    file = write(tmp_path / "in.jsonl", *records)
    with pytest.raises(CorpusError, match=r"out\.jsonl: is there already"):
        imported(file, to=out)
    done = imported(file, to=out, append=True)
    assert (
        out.read_text()
        == before + "\n" + '{"text": "qx three", "reason": "policy", "lang": "und", "source": "generic"}\n'
    )
    assert (done.present, len(done.added)) == (1, 1)
    assert str(done.conflicts[0]) == f"policy in {file}:2, virus in {out}:2: 'qx two'"
    again = imported(file, to=out, append=True)
    assert (again.present, len(again.added)) == (2, 0)


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / "in.jsonl", {"text": "qx", "label": "nobody knows"})
    assert imported(file, to=tmp_path / "out.jsonl").added == ()
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("sparkpost.jsonl", {"user_unknown", "mailbox_full", "sender_reputation"}),
        ("sisimai.json", {"user_unknown", "mailbox_full"}),
        ("powermta.csv", {"user_unknown", "mailbox_full"}),
        ("mailjet.jsonl", {"user_unknown", "invalid_domain"}),
    ],
)
def test_a_providers_export_is_labelled_by_its_own_classes(tmp_path: Path, name: str, wanted: set[str]) -> None:
    notes: list[str] = []
    job = Job((Source(EXPORTS / name),), tmp_path / "out.jsonl")
    done = import_labelled(job, reasons=REASONS, note=notes.append)
    assert notes == [f"labels are read by the crosswalk {name.partition('.')[0]!r}"]
    assert wanted <= {label for _, label in rows(tmp_path / "out.jsonl")}
    assert not done.unmapped


def test_labels_in_a_column_of_their_own_go_before_a_providers_classes(tmp_path: Path) -> None:
    event = json.loads((EXPORTS / "sparkpost.jsonl").read_text().splitlines()[0])
    file = write(tmp_path / "in.jsonl", {**event, "label": "policy"})
    imported(file, to=tmp_path / "out.jsonl")
    assert [label for _, label in rows(tmp_path / "out.jsonl")] == ["policy"]


def test_a_provider_without_a_crosswalk_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="classes of brevo: name a crosswalk with --labels"):
        imported(EXPORTS / "brevo.jsonl", to=tmp_path / "out.jsonl")


def test_parquet_and_columns_by_name(tmp_path: Path) -> None:
    table = pa.table({"said": ["550 qx", "552 qy"], "code": [None, "552"], "verdict": ["policy", "mailbox_full"]})
    pq.write_table(table, tmp_path / "in.parquet")
    imported(tmp_path / "in.parquet", to=tmp_path / "out.jsonl", text="said", label="verdict")
    assert rows(tmp_path / "out.jsonl") == [("550 qx", "policy"), ("552 qy", "mailbox_full")]


def test_codes_in_columns_of_their_own_are_learnt_too(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("smtp_code,response,label\n450,qx come back,greylisted\n")
    imported(tmp_path / "in.csv", to=tmp_path / "out.jsonl")
    assert rows(tmp_path / "out.jsonl") == [("450 qx come back", "greylisted")]


STUDIO = [
    {"id": 1, "data": {"text": "qx one", "lang": "fi"}, "annotations": [
        {"result": [{"type": "choices", "from_name": "label", "to_name": "text", "value": {"choices": ["policy"]}}]}]},
    {"id": 2, "data": {"text": "qx two"}, "annotations": [
        {"was_cancelled": True, "result": []}]},
    {"id": 3, "data": {"text": "qx three"}, "annotations": [], "predictions": [
        {"result": [{"type": "choices", "value": {"choices": ["virus"]}}]}]},
    {"id": 4, "data": {"text": "qx four"}, "annotations": [
        {"result": [{"type": "choices", "value": {"choices": ["policy"]}}]},
        {"result": [{"type": "choices", "value": {"choices": ["virus"]}}]}]},
    {"id": 5, "data": {"text": "qx five"}, "annotations": [
        {"result": [{"type": "choices", "value": {"choices": ["policy", "virus"]}}]}]},
    {"id": 6, "data": {}, "annotations": []},
]  # fmt: skip


def test_label_studio_counts_what_people_chose_and_no_predictions(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(json.dumps(STUDIO))
    done = imported(tmp_path / "in.json", to=tmp_path / "out.jsonl")
    assert load_corpus([tmp_path / "out.jsonl"], reasons=REASONS) == (
        Row("qx one", "policy", lang="fi", part="out", line=1),
    )
    assert [conflict.text for conflict in done.conflicts] == ["qx four"]
    assert (done.reading.rows, done.reading.unlabelled, done.reading.skipped) == (6, 1, 2)
    assert done.reading.broken == [f"{tmp_path / 'in.json'}: task 6: no text"]


def test_label_studios_short_form_is_a_table(tmp_path: Path) -> None:
    records = [
        {"id": 1, "text": "qx one", "label": "policy"},
        {"id": 2, "text": "qx two", "choice": {"choices": ["virus"]}},
    ]
    (tmp_path / "a.json").write_text(json.dumps(records[:1]))
    (tmp_path / "b.json").write_text(json.dumps(records[1:]))
    imported(tmp_path / "a.json", tmp_path / "b.json", to=tmp_path / "out.jsonl")
    assert rows(tmp_path / "out.jsonl") == [("qx one", "policy"), ("qx two", "virus")]


PRODIGY = [
    {"text": "qx one", "options": [], "accept": ["policy"], "answer": "accept", "_task_hash": 1},
    {"text": "qx two", "options": [], "accept": ["policy"], "answer": "reject"},
    {"text": "qx three", "options": [], "accept": ["policy"], "answer": "ignore"},
    {"text": "qx four", "options": [], "accept": ["policy"]},
    {"text": "qx five", "label": "virus", "answer": "accept"},
    {"text": "qx six", "label": "virus", "answer": "reject"},
    {"text": "qx seven", "options": [], "accept": [], "answer": "accept"},
    {"text": "qx eight", "options": [], "accept": ["auto_reply"], "answer": "accept", "meta": {"lang": "sv"}},
]


def test_prodigy_counts_what_was_accepted(tmp_path: Path) -> None:
    done = imported(write(tmp_path / "in.jsonl", *PRODIGY), to=tmp_path / "out.jsonl")
    assert [(row.text, row.label, row.lang) for row in done.added] == [
        ("qx one", "policy", "und"), ("qx five", "virus", "und"), ("qx eight", "kind:auto_reply", "sv"),
    ]  # fmt: skip
    assert (done.reading.rows, done.reading.unlabelled, done.reading.skipped) == (8, 1, 4)


def test_broken_rows_are_named_and_the_others_taken(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "qx", "label": "policy"}\n{no\n')
    done = imported(tmp_path / "in.jsonl", to=tmp_path / "out.jsonl")
    assert done.reading.broken == [f"{tmp_path / 'in.jsonl'}: line 2: not a JSON object"]
    assert len(done.added) == 1


@pytest.mark.parametrize(
    ("content", "how", "complaint"),
    [
        (
            "text,other\nqx,1\n",
            {},
            r"in\.csv: no column with labels: name it with --label-column; there are 'text', 'other'",
        ),
        ("text,label\nqx,policy\n", {"label": "nix"}, r"in\.csv: no column 'nix'"),
        ("text,label\nqx,policy\n", {"text": "nix"}, "no column 'nix'"),
        ("", {}, r"in\.csv: the export is empty"),
        ("text,label\nqx,policy\n", {"defaults": Defaults("Deutsch")}, "lang 'Deutsch' is no language tag"),
    ],
)
def test_what_cannot_be_imported_is_named(tmp_path: Path, content: str, how: dict[str, Any], complaint: str) -> None:
    (tmp_path / "in.csv").write_text(content)
    with pytest.raises(CorpusError, match=complaint):
        imported(tmp_path / "in.csv", to=tmp_path / "out.jsonl", **how)
    assert not (tmp_path / "out.jsonl").exists()


def test_output_must_be_a_corpus_file(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"ends in \.jsonl"):
        imported(tmp_path / "in.csv", to=tmp_path / "out.csv")


leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.sampled_from(["accept", "policy"]))
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["data", "annotations", "result", "type", "value", "choices", "text", "label", "answer", "accept", "options"]
    ), inner, max_size=5), max_leaves=20,
)  # fmt: skip


@given(records=st.lists(values, max_size=4))
def test_odd_annotations_are_read_or_refused(records: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("odd")
    firsts: list[object] = [
        {"data": {}, "annotations": []}, {"answer": "ignore", "text": "x"}, {"text": "x", "label": "policy"},
    ]  # fmt: skip
    for first in firsts:
        reading = Reading()
        try:
            texts = list(read_labelled(Source(write(folder / "in.jsonl", first, *records)), reading=reading))
        except CorpusError:
            continue
        assert reading.rows == len(records) + 1
        assert all(text.text and text.label for text in texts)
