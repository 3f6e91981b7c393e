"""Opens exports of any format for reading and writing."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import IO, cast

from bounceml.errors import CorpusError
from bounceml_datasets.exports.csv_export import CsvReader, CsvWriter
from bounceml_datasets.exports.files import STANDARD, FileKind, Sink, kind_of, open_input
from bounceml_datasets.exports.json_export import JsonReader, JsonWriter
from bounceml_datasets.exports.log_export import LogReader
from bounceml_datasets.exports.parts import Reader, Writer


@contextmanager
def open_reader(
    source: str,
    *,
    format: str | None,  # noqa: A002  # the option's name
    text_column: str | None,
    stop: Event | None = None,
) -> Iterator[Reader]:
    """An export opened for reading, "-" for standard input; raises CorpusError naming the file.

    With `stop`, its parts can be read in a thread (see `flow.worked`).
    """
    kind = kind_of(source, format=format or ("csv" if source == STANDARD else None))
    if kind.preset is not None and text_column is not None:
        raise CorpusError(f"--text-column is for other tables: --format {kind.preset.name} says where replies stand")
    if kind.format in {"parquet", "xlsx"}:
        yield _file_reader(source, kind=kind, text_column=text_column)
        return
    with ExitStack() as stack:
        file = stack.enter_context(open_input(source, compression=kind.compression, stop=stop))
        if kind.format == "log":
            yield LogReader(file, name=source, preset=kind.preset)
        elif kind.format == "jsonl":
            yield JsonReader(file, name=source, text_column=text_column, preset=kind.preset)
        else:
            yield CsvReader(file, name=source, format=kind.format, text_column=text_column, preset=kind.preset)


def make_writer(
    kind: FileKind,
    *,
    reader: Reader,
    path: Path,
    file: IO[bytes] | None,
    head: bool,
    excel: bool = False,
    anew: bool = True,
) -> Writer:
    """A writer of this kind for what the reader reads: Parquet into `path`, everything else into `file`.

    Where answers can be put beside the columns of a Parquet file as they lie there, they are, unless all is to be
    written `anew`; reading raises NotJoinableError where it turns out that it has to be.

    `head` says whether the file begins here, so that it needs its first line; `excel`, that a CSV is for spreadsheets.
    """
    if kind.format == "parquet":
        if not anew and isinstance(reader, _parquet().ParquetReader) and (footer := reader.joinable()):
            return cast("Writer", reader.joiner(path, footer=footer))
        made = _parquet().ParquetWriter(path, names=reader.names, schema=getattr(reader, "schema", None))
        return cast("Writer", made)
    assert file is not None
    sink = Sink(file, compression=kind.compression)
    if kind.format == "jsonl":
        return JsonWriter(sink, names=reader.names)
    delimiter = "\t" if kind.format == "tsv" else getattr(reader, "delimiter", ",")
    return CsvWriter(sink, names=reader.names, delimiter=delimiter, head=head, guard=excel)


def _file_reader(source: str, *, kind: FileKind, text_column: str | None) -> Reader:
    if source == STANDARD or kind.compression:
        title = "Parquet" if kind.format == "parquet" else "Excel"
        raise CorpusError(f"{source}: {title} is read from a file of its own, without further compression")
    if kind.format == "parquet":
        return cast("Reader", _parquet().ParquetReader(Path(source), text_column=text_column, preset=kind.preset))
    return cast("Reader", _xlsx().XlsxReader(Path(source), text_column=text_column, preset=kind.preset))


def _parquet() -> ModuleType:
    try:
        from bounceml_datasets.exports import parquet_export
    except ImportError as error:
        raise CorpusError("Parquet needs the package pyarrow: pip install 'bounceml[exports]'") from error
    return parquet_export


def _xlsx() -> ModuleType:
    try:
        from bounceml_datasets.exports import xlsx_export
    except ImportError as error:
        raise CorpusError("Excel needs the package python-calamine: pip install 'bounceml[exports]'") from error
    return xlsx_export
