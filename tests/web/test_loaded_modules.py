"""What a server loads: no more than it uses. Each library that few want is loaded by whoever wants it, then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

NOT_LOADED = {
    "PIL": "pictures are decoded in a process of its own",
    "alembic": "a schema is compared by its number",
    "cli.users": "commands",
    "flask_migrate": "commands",
    "mako": "Alembic's",
    "ops.doctor": "commands",
    "phonenumbers": "searches for a number",
    "prometheus_client": "METRICS_TOKEN",
    "psycopg": "PostgreSQL",
    "pymysql": "MariaDB",
    "redis": "LIVE_URL",
    "segno": "a device or a phone is added",
}
"""What a server on SQLite does not load as long as devices push, pull and send photos; and what would load it."""

SERVER = f"""
import hashlib, sys
from datetime import datetime, timezone
import asgi
from app import db
from config import Config
from ops.move.closed_marker import why_closed
from ops.schema_check import check_schema

def loaded():
    return sorted({set(NOT_LOADED)!r} & set(sys.modules))

app = asgi.create_app(Config(database_url=sys.argv[1], argon2_time_cost=1, argon2_memory_kib=8, argon2_parallelism=1))
app.app_context().push()
database = app.extensions["database"]
db.create_all()
assert [finding.sentence for finding in check_schema(database)] and why_closed(database) is None
parts = app.extensions["offbook"]
user = parts.accounts.add_user("ada", "correct horse battery", True, parts.clock(), parts.new_id)
_, token = parts.accounts.add_device(user.book_id, user.id, "laptop", parts.clock(), parts.new_id)
client, headers = app.test_client(), {{"Authorization": f"Bearer {{token}}"}}
time = datetime.fromtimestamp(1_700_000_000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
change = {{"id": parts.new_id(), "table": "contacts", "record_id": parts.new_id(), "operation": "INSERT"}}
change |= {{"timestamp": time, "data": {{"name": "Ada", "phone": "030/123 4567"}}}}
answer = client.post("/sync", json={{"changes": [change]}}, headers=headers)
assert answer.status_code == 200, answer.text
assert client.get("/changes", headers=headers).json["changes"]
PNG = b"\\x89PNG\\r\\n\\x1a\\n\\0\\0\\0\\rIHDR" + b"\\0\\0\\0\\1" * 2
address = f"/blobs/{{hashlib.sha256(PNG).hexdigest()}}"
assert client.put(address, data=PNG, headers=headers).status_code == 201
assert client.get(address, query_string={{"size": 96}}, headers=headers).status_code < 500
names = lambda search: [row.name for row in parts.contacts.page(user.book_id, search).rows]
assert names("") == names("ada") == names("030 1234567") == ["Ada"]
print(loaded())
with database.write() as connection:
    connection.exec_driver_sql("UPDATE books SET region = 'DE'")
assert names("+49 30 1234567") == ["Ada"]
print(loaded())
"""


def test_a_server_that_starts_and_syncs_loads_no_more_than_it_uses(tmp_path: Path) -> None:
    """The plans of phone numbers are loaded by the first search for one in a book that has a region."""
    program = [sys.executable, "-c", SERVER, f"sqlite:///{tmp_path}/server.db"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["[]", "['phonenumbers']"], done.stderr
