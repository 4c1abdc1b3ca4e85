# SPDX-License-Identifier: MIT
"""Figures of several rounds as one table: medians and ranges."""

import statistics


class Table:
    """Rows of (what, unit, values of the rounds, note), in the order in which they first came."""

    def __init__(self):
        self.rows = {}

    def add(self, section, what, unit, value, note=""):
        """One round's value; None when it could not be measured, and `note` says why."""
        row = self.rows.setdefault((section, what, unit), {"values": [], "note": note})
        if value is not None:
            row["values"].append(value)

    def as_json(self):
        out = []
        for (section, what, unit), row in self.rows.items():
            values = row["values"]
            out.append({"section": section, "what": what, "unit": unit, "note": row["note"],
                        "values": values,
                        "median": statistics.median(values) if values else None})
        return out

    def as_markdown(self):
        lines, last = [], None
        for row in self.as_json():
            if row["section"] != last:
                last = row["section"]
                lines += ["", "**%s**" % last, "",
                          "| what | median | range | unit |", "|---|---|---|---|"]
            values = row["values"]
            if values:
                spread = "%s to %s" % (number(min(values)), number(max(values)))
                lines.append("| %s | %s | %s | %s |" % (row["what"], number(row["median"]),
                                                        spread, row["unit"]))
            else:
                lines.append("| %s | - | %s | %s |" % (row["what"], row["note"], row["unit"]))
        return "\n".join(lines[1:]) + "\n"


def number(value):
    """Three digits that mean something, and no more."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return "{:,.0f}".format(float("%.3g" % value) if abs(value) < 1e5 else value)
    text = "%.3g" % value
    return text if "e" not in text else "%g" % value
