"""Texts of an export's rows as they are shown to people and learnt from."""

from collections.abc import Sequence

from bounceml.codes import Codes, with_codes
from bounceml.decode import repair
from bounceml.masking import tokens
from bounceml_datasets.exports.parts import Buffer, Part, records_of

# Characters of an example; what a server says stands at the beginning.
MAX_EXAMPLE = 2000


def text_at(part: Part, row: int) -> str:
    """The text of one row."""
    texts = part.texts
    if isinstance(texts, Buffer):
        data = texts.data[texts.offsets[row] : texts.offsets[row + 1]]
        return data.tobytes().decode("utf-8", "surrogatepass")
    return texts[row]


def codes_at(part: Part, row: int) -> Codes:
    """The codes that a row has in columns of their own."""
    return Codes(*(None if column is None else column[row] for column in (part.smtp, part.status)))


def with_given_codes(text: str, *, codes: Codes) -> str:
    """A text with the codes that stood in columns of their own before it, where it doesn't say the same.

    The model answers by both together, so it has to learn from both together.

    >>> with_given_codes("User unknown", codes=Codes("550", "5.1.1"))
    '550 5.1.1 User unknown'
    """
    if codes == Codes():
        return text
    found = tokens(text)
    both = with_codes(found, given=codes)
    return " ".join([*both[: len(both) - len(found)], text])


def example_of(text: str, *, codes: Codes) -> str:
    """A text as it is shown: mended, on one line, with its codes.

    >>> example_of("User\\nunknown", codes=Codes("550"))
    '550 User unknown'
    """
    mended = " ".join(repair(text[: 2 * MAX_EXAMPLE]).split())[:MAX_EXAMPLE]
    return with_given_codes(mended, codes=codes)


def column_of(part: Part, name: str, *, names: Sequence[str]) -> list[object]:
    """A column of the export itself, None where a row has nothing there."""
    if hasattr(part.rows, "column"):
        column: list[object] = part.rows.column(name).to_pylist()
        return column
    return [record.get(name) for record in records_of(part, names)]
