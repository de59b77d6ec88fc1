"""The tables of a to-do list. The app and its server know no more of each other than this."""

from offbook.tables import Flag, Table, Text

notes = Table(
    "notes",
    Text("title", required=True),
    Flag("done"),
    order=("done", "title"),
)
TABLES = (notes,)
