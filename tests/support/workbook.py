"""Excel files for tests."""

import zipfile
from pathlib import Path
from typing import IO


def write_xlsx(path: Path | IO[bytes], rows: list[list[str | float]]) -> None:
    """The smallest Excel file."""
    cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    main, kinds = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org"
    office = f"{kinds}/officeDocument/2006/relationships"
    relations = f'<Relationships xmlns="{kinds}/package/2006/relationships"><Relationship Id="r1" Type="{office}'
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("[Content_Types].xml", f'<Types xmlns="{kinds}/package/2006/content-types"/>')
        file.writestr("_rels/.rels", f'{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>')
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels", f'{relations}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
        )
        file.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'
        )


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"
