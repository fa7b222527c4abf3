"""A short document as docx, the same bytes every time."""

from __future__ import annotations

import datetime
import io
import zipfile
from typing import TYPE_CHECKING, Any

from metabone.errors import MissingExtraError
from metabone.report.document import Document, Section, printable

if TYPE_CHECKING:
    from docx.document import Document as Docx

_EPOCH = (1980, 1, 1, 0, 0, 0)
PICTURE_CM = 13.0


def docx_bytes(document: Document) -> bytes:
    """The document as the bytes of a docx file.

    Raises
    ------
    MissingExtraError
        If python-docx is not installed.
    """
    try:
        import docx
    except ImportError:
        raise MissingExtraError(
            'docx needs python-docx: pip install "metabone[report]", or write a .md'
        ) from None
    made = docx.Document()
    _properties(made, document)
    made.add_heading(printable(document.title), level=1)
    if document.banner:
        made.add_paragraph().add_run(printable(document.banner)).bold = True
    for index, section in enumerate(document.sections):
        _section(made, section)
        if index == 0 and document.picture is not None:
            _picture(made, document)
    if document.footer:
        made.add_paragraph(printable(document.footer))
    stream = io.BytesIO()
    made.save(stream)
    return _timeless(stream.getvalue())


def _properties(made: Docx, document: Document) -> None:
    properties: Any = made.core_properties
    properties.title = printable(document.title)[:250]
    properties.author = properties.last_modified_by = properties.comments = ""
    properties.created = properties.modified = datetime.datetime(*_EPOCH)


def _section(made: Docx, section: Section) -> None:
    made.add_heading(printable(section.heading), level=2)
    for text in section.paragraphs:
        made.add_paragraph(printable(text))
    for text in section.bullets:
        made.add_paragraph(printable(text), style="List Bullet")
    if section.table:
        table = made.add_table(rows=0, cols=len(section.table[0]), style="Table Grid")
        for number, row in enumerate(section.table):
            for cell, text in zip(table.add_row().cells, row, strict=True):
                run = cell.paragraphs[0].add_run(printable(text))
                run.bold = number == 0


def _picture(made: Docx, document: Document) -> None:
    from docx.shared import Cm

    made.add_picture(io.BytesIO(document.picture or b""), width=Cm(PICTURE_CM))
    if document.caption:
        made.add_paragraph(printable(document.caption), style="Caption")


def _timeless(content: bytes) -> bytes:
    """The same zip with its members dated alike, so that equal documents are equal files."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(member, old.read(name))
    return stream.getvalue()
