"""A to-do list that works offline: `todo.py add TITLE`, `todo.py done ID`, or `todo.py` alone to see it."""

import os
import sys

from tables import TABLES

from offbook import Offline, Replica

with Replica(os.environ["DB"], "http://127.0.0.1:5000", os.environ["TOKEN"], tables=TABLES) as book:
    match sys.argv[1:]:
        case ["add", title]:
            book.notes.add(title=title)
        case ["done", start]:
            (note_id,) = (note["id"] for note in book.notes.list() if note["id"].startswith(start))
            book.notes.update(note_id, done=True)
    try:
        book.sync()
    except Offline:
        print("(offline: what you typed is saved here, and goes out later)")
    for note in book.notes.list():
        print("x" if note["done"] else "-", note["id"][:6], note["title"])
    if held := book.status().held:
        print(f"({held} edits wait for the server to be upgraded)")
