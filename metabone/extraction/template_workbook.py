"""The extraction sheet as a workbook: drop-down lists, header comments, dictionary, example."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from metabone.extraction.grid import column_letter
from metabone.extraction.template import Cell, Template
from metabone.extraction.workbook_writing import need_openpyxl, packed, put
from metabone.vocabulary.terms import Endpoint

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

    from metabone.extraction.schema import Column

LAST_ROW = 2000
# More animals than a group has, and fewer than the day number into which 7-10 is turned.
MOST_ANIMALS = 5000

COLOURS = {
    "Study": "D9E2EC",
    "Outcome": "D5E8D4",
    "Arms: n, mean, dispersion": "FFE6B3",
    "Medians instead of means": "F3E2C7",
    "Tests instead of means": "F3E2C7",
    "Effect computed elsewhere": "F3E2C7",
    "Healthy level": "F3E2C7",
    "Moderators": "DCE6F7",
    "Bookkeeping": "E8E8E8",
    "Risk of bias": "F0DDEB",
}
OTHER_COLOUR = "F7F7F7"
SYNTHETIC_COLOUR = "FCE4E4"
WIDE = {"look_up": 60, "note": 40, "consequence": 40, "location": 30, "comparison": 26}


def template_workbook(template: Template) -> bytes:
    """The bytes of the workbook; the same template gives the same bytes.

    Raises
    ------
    MissingExtraError
        If openpyxl is not installed.
    DataError
        If a cell is longer than a workbook can hold.
    """
    need_openpyxl()
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    extraction = book.create_sheet("extraction")
    _rows(extraction, template, template.rows)
    _drop_downs(extraction, template)
    _dictionary(book.create_sheet("dictionary"), template)
    example = book.create_sheet("example")
    _rows(example, template, [template.example])
    _fill(example, 2, range(1, len(template.columns) + 1), SYNTHETIC_COLOUR)
    _lists(book.create_sheet("lists"), template)
    _words(book.create_sheet("words"), template)
    book.properties.creator = "metabone"
    return packed(book)


def _rows(sheet: Worksheet, template: Template, rows: Iterable[Mapping[str, Cell]]) -> None:
    from openpyxl.styles import Alignment

    for place, column in enumerate(template.columns, start=1):
        _header(sheet, place, column, template)
        letter = column_letter(place - 1)
        sheet.column_dimensions[letter].width = _width(column)
        if column.kind != "number":
            # Text format, so that no spreadsheet turns 7-10 into a day or 1E5 into a number.
            sheet.column_dimensions[letter].number_format = "@"
    for row, cells in enumerate(rows, start=2):
        for place, column in enumerate(template.columns, start=1):
            put(sheet, row, place, cells.get(column.name))
            cell = sheet.cell(row=row, column=place)
            cell.alignment = Alignment(vertical="top", wrap_text=column.name in WIDE)
            if column.kind != "number":
                cell.number_format = "@"
    sheet.freeze_panes = "B2"


def _header(sheet: Worksheet, place: int, column: Column, template: Template) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

    put(sheet, 1, place, column.name)
    cell = sheet.cell(row=1, column=place)
    cell.font = Font(bold=True, color="9C0006" if column.required else "1F2933")
    cell.fill = PatternFill("solid", fgColor=COLOURS.get(column.group, OTHER_COLOUR))
    cell.border = Border(bottom=Side(style="medium" if column.required else "thin"))
    cell.alignment = Alignment(vertical="center")
    lines = [column.meaning, f"Allowed: {template.allowed(column)}."]
    if column.required:
        lines.insert(0, "Required.")
    if column.example:
        lines.append(f"Example: {column.example}")
    cell.comment = Comment("\n".join(lines), "metabone", height=120, width=300)


def _width(column: Column) -> float:
    least = 12 if column.kind == "number" else 16
    return WIDE.get(column.name, max(least, len(column.name) + 3))


def _fill(sheet: Worksheet, row: int, columns: Iterable[int], colour: str) -> None:
    from openpyxl.styles import PatternFill

    for column in columns:
        sheet.cell(row=row, column=column).fill = PatternFill("solid", fgColor=colour)


def _drop_downs(sheet: Worksheet, template: Template) -> None:
    """Lists by reference, since words have spaces and commas; numbers where numbers belong."""
    from openpyxl.worksheet.datavalidation import DataValidation

    order = list(template.lists)
    for place, column in enumerate(template.columns):
        cells = f"{column_letter(place)}2:{column_letter(place)}{LAST_ROW}"
        name = template.list_of.get(column.name)
        if name is not None:
            letter, last = column_letter(order.index(name)), len(template.lists[name]) + 1
            rule = DataValidation(
                "list", formula1=f"lists!${letter}$2:${letter}${last}", allow_blank=True
            )
            # Where the vocabulary is open a word of one's own may stay after a question.
            rule.errorStyle = "stop" if column.allowed else "warning"
            rule.error = f"Allowed: {template.allowed(column)}"[:250]
        elif column.name.startswith("n_"):
            rule = DataValidation("whole", operator="between", formula1="1",
                                  formula2=str(MOST_ANIMALS), allow_blank=True)  # fmt: skip
            rule.errorStyle = "warning"
            rule.error = "A whole number of animals, not a range."
        elif column.kind == "number":
            rule = DataValidation("decimal", operator="between", formula1="-1E+300",
                                  formula2="1E+300", allow_blank=True)  # fmt: skip
            rule.errorStyle = "warning"
            rule.error = "A number, without its unit."
        else:
            continue
        rule.errorTitle = column.name[:30]
        rule.showErrorMessage = True
        rule.add(cells)
        sheet.add_data_validation(rule)


def _dictionary(sheet: Worksheet, template: Template) -> None:
    head = ("column", "group", "required", "meaning", "allowed", "synonyms", "example")
    lines = [
        (
            column.name, column.group, "yes" if column.required else "", column.meaning,
            template.allowed(column), ", ".join(column.synonyms), column.example,
        )
        for column in template.columns
    ]  # fmt: skip
    _table(sheet, head, lines, (24, 26, 9, 70, 44, 28, 22))


def _words(sheet: Worksheet, template: Template) -> None:
    head = ("list", "word", "label", "synonyms", "unit", "accepted units", "better", "note")
    lines: list[Sequence[Cell]] = []
    kinds = dict.fromkeys(column.vocabulary for column in template.columns if column.vocabulary)
    for kind in kinds:
        for term in template.vocabulary.terms(kind).values():
            about: tuple[Cell, Cell, Cell] = (None, None, None)
            if isinstance(term, Endpoint):
                units = ", ".join(unit for unit in term.units if unit)
                about = (term.unit, units, term.better or "depends")
            lines.append((kind, term.name, term.label, ", ".join(term.synonyms), *about, term.note))
    _table(sheet, head, lines, (16, 24, 36, 50, 12, 30, 9, 60))


def _lists(sheet: Worksheet, template: Template) -> None:
    for place, (name, words) in enumerate(template.lists.items(), start=1):
        put(sheet, 1, place, name)
        for row, word in enumerate(words, start=2):
            put(sheet, row, place, word)
        sheet.column_dimensions[column_letter(place - 1)].width = 24
    _bold_header(sheet, len(template.lists))


def _table(
    sheet: Worksheet,
    head: Sequence[str],
    lines: Iterable[Sequence[Cell]],
    widths: Sequence[float],
) -> None:
    from openpyxl.styles import Alignment

    for row, cells in enumerate([head, *lines], start=1):
        for place, value in enumerate(cells, start=1):
            put(sheet, row, place, value)
            sheet.cell(row=row, column=place).alignment = Alignment(vertical="top", wrap_text=True)
    for place, width in enumerate(widths):
        sheet.column_dimensions[column_letter(place)].width = width
    _bold_header(sheet, len(head))


def _bold_header(sheet: Worksheet, columns: int) -> None:
    from openpyxl.styles import Font

    for place in range(1, columns + 1):
        sheet.cell(row=1, column=place).font = Font(bold=True)
    _fill(sheet, 1, range(1, columns + 1), COLOURS["Bookkeeping"])
    sheet.freeze_panes = "A2"
