"""Tables people take away: CSV and XLSX in which nothing that others typed becomes a formula."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

import xlsxwriter
from django.utils import timezone

Cell: TypeAlias = str | int | Decimal | date | datetime | None
Row: TypeAlias = Sequence[Cell]

FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WIDTH = 18


def plain(cell: Cell) -> str | int | Decimal:
    """A cell as text that a spreadsheet leaves alone, or as a number; times in the time of the house."""
    match cell:
        case None:
            return ""
        case datetime():
            return f"{timezone.localtime(cell):%Y-%m-%d %H:%M:%S}"
        case date():
            return cell.isoformat()
        case str():
            text = cell.replace("\0", "")
            return f"'{text}" if cell.startswith(FORMULA_BEGINS) else text
    return cell


def csv_bytes(rows: Iterable[Row]) -> bytes:
    """Rows as RFC 4180 writes them, in UTF-8 with the mark by which spreadsheets know it."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([plain(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def xlsx_bytes(sheets: Mapping[str, Iterable[Row]]) -> bytes:
    """A workbook of named sheets; the first row of each is its head. Texts are written as texts, whatever they look like."""
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        head = book.add_format({"bold": True})
        amount = book.add_format({"num_format": "#,##0.00"})
        for title, rows in sheets.items():
            sheet = book.add_worksheet(title[:31])
            sheet.freeze_panes(1, 0)
            widest = 0
            for at, row in enumerate(rows):
                widest = max(widest, len(row))
                for column, cell in enumerate(map(plain, row)):
                    if isinstance(cell, str):
                        sheet.write_string(at, column, cell, head if at == 0 else None)
                    else:
                        sheet.write_number(at, column, cell, amount if isinstance(cell, Decimal) else None)
            sheet.set_column(0, max(0, widest - 1), WIDTH)
    return buffer.getvalue()
