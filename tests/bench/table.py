# SPDX-License-Identifier: MIT
"""Figures of several rounds: medians and ranges, as lists of figures or as one row a system."""

import statistics


class Table:
    """Cells by (section, row, column), in the order in which they first came. A list of figures has
    one column a row, which is its unit."""

    def __init__(self):
        self.round = 1
        self.cells = {}

    def put(self, section, row, column, value, note="", is_list=False):
        """This round's value; None when it could not be measured, and `note` says why."""
        cell = self.cells.setdefault((section, row, column), {
            "section": section, "row": row, "column": column, "note": "", "is_list": is_list,
            "values": {}})
        if value is not None:
            cell["values"][str(self.round)] = value
        if note:
            cell["note"] = note

    def add(self, section, what, unit, value, note=""):
        """A figure of a list."""
        self.put(section, what, unit, value, note, is_list=True)

    def as_markdown(self):
        return as_markdown(self.as_json())

    def as_json(self):
        return [dict(cell, median=median(cell)) for cell in self.cells.values()]


def cells_of(result):
    """All parts' cells, those of one section together."""
    return [cell for part in result["parts"].values() for cell in part["cells"]]


def median(cell):
    values = list(cell["values"].values())
    return statistics.median(values) if values else None


def by_round(cells, key):
    """The values of a cell, (section, row, column)."""
    for cell in cells:
        if (cell["section"], cell["row"], cell["column"]) == key:
            return cell["values"]
    return {}


def number(value):
    """Three digits that mean something, and no more."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return "{:,.0f}".format(float("%.3g" % value) if abs(value) < 1e5 else value)
    text = "%.3g" % value
    return text if "e" not in text else "%g" % value


def spread(values):
    """As in "3 to 5"; nothing for a single value or equal ones."""
    low, high = number(min(values)), number(max(values))
    return low if low == high else "%s to %s" % (low, high)


def list_lines(cells):
    lines = ["| what | median | range | unit |", "|---|---|---|---|"]
    for cell in cells:
        values = list(cell["values"].values())
        if values:
            lines.append("| %s | %s | %s | %s |" % (cell["row"], number(statistics.median(values)),
                                                    spread(values), cell["column"]))
        else:
            lines.append("| %s | - | %s | %s |" % (cell["row"], cell["note"], cell["column"]))
    return lines


def grid_cell(cell):
    values = list(cell["values"].values()) if cell else []
    if not values:
        return ""
    text, wide = number(statistics.median(values)), spread(values)
    return text if wide == text else "%s (%s)" % (text, wide)


def grid_lines(cells):
    columns = list(dict.fromkeys(c["column"] for c in cells if c["column"]))
    lines = ["| system | %s |" % " | ".join(columns), "|---" * (len(columns) + 1) + "|"]
    for row in dict.fromkeys(c["row"] for c in cells):
        of_row = {c["column"]: c for c in cells if c["row"] == row}
        texts = [grid_cell(of_row.get(column)) for column in columns]
        note = of_row.get(None, {}).get("note", "")
        if not any(texts):
            texts = [note] + [""] * (len(columns) - 1)
        lines.append("| %s | %s |" % (row, " | ".join(texts)))
    return lines


def sections(cells):
    """The cells of each section, in order."""
    found = {}
    for cell in cells:
        found.setdefault(cell["section"], []).append(cell)
    return found


def as_markdown(cells):
    blocks = []
    for section, of_section in sections(cells).items():
        lines = list_lines if of_section[0]["is_list"] else grid_lines
        blocks.append("**%s**\n\n%s\n" % (section, "\n".join(lines(of_section))))
    return "\n".join(blocks)
