"""A server that is killed in the middle of an import, and started again: by the import's page it goes on."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
import requests
from sqlalchemy import func, select, update

from config import Config
from models import Contact, ImportJobRow
from storage.engines.database import Database
from storage.values.imports import IMPORT_LEASE_US
from tests.support.browser import PASSWORD, app_on, csrf_of, parts_of
from tests.support.live_server import migrated, serving_process
from tests.support.polling import wait_until

COUNT = 2_000
CARDS = "".join(
    f"BEGIN:VCARD\nVERSION:4.0\nFN:Ada {number}\nTEL:+49 30 {number:07}\nEND:VCARD\n" for number in range(COUNT)
)


def count_contacts(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(Contact).where(Contact.deleted.is_(False))) or 0


def post(browser: requests.Session, url: str, path: str, form: str, **fields: str) -> requests.Response:
    token = csrf_of(browser.get(url + form).text)
    return browser.post(url + path, data={"csrf_token": token, **fields})


pytestmark = pytest.mark.processes


def confirm(browser: requests.Session, url: str, token: str, digest: str) -> None:
    with suppress(requests.ConnectionError):
        browser.post(url + "/import/confirm", data={"csrf_token": token, "digest": digest, "name": "all.vcf"})


def test_an_import_whose_server_is_killed_goes_on_when_it_is_started_again(tmp_path: Path) -> None:
    database = migrated(tmp_path)
    parts = parts_of(app_on(Config.from_environment({"INSTANCE_PATH": str(tmp_path)}).database_url))
    parts.accounts.add_user("ada", PASSWORD, False, parts.clock(), parts.new_id)
    browser = requests.Session()
    with serving_process(tmp_path) as server:
        post(browser, server.url, "/login", "/login", name="ada", password=PASSWORD)
        token = csrf_of(browser.get(server.url + "/import").text)
        file = {"file": ("all.vcf", CARDS.encode())}
        shown = browser.post(server.url + "/import", data={"csrf_token": token}, files=file).text
        digest = re.findall(r'name="digest" value="(\w+)"', shown)[0]
        importing = Thread(target=confirm, args=(browser, server.url, token, digest))
        importing.start()
        wait_until(lambda: count_contacts(database) > 0)
        server.child.kill()
        importing.join()
    count = count_contacts(database)
    assert 0 < count < COUNT
    with database.write() as connection:  # ten seconds later
        connection.execute(update(ImportJobRow).values(seen_at=ImportJobRow.seen_at - IMPORT_LEASE_US))
    with serving_process(tmp_path) as server:
        browser.get(server.url + "/import/progress")
        wait_until(lambda: count_contacts(database) == COUNT)
        wait_until(lambda: "Imported <bdi>all.vcf</bdi>" in browser.get(server.url + "/import/progress").text)
        assert f"<dt>Added</dt><dd>{COUNT:,}</dd>" in browser.get(server.url + "/import/progress").text
    database.close()
