"""The command line: every command with its options and its help, and nothing of what it does."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from offbook.cli import messages
from offbook.cli.environment import HEADERS, TOKEN
from offbook.cli.errors import UsageError
from offbook.cli.options import field_options
from offbook.cli.standard_streams import STANDARD
from offbook.contacts.importing import OnDuplicate

DESCRIPTION = "Contacts that work with no network and agree again when it comes back."

EPILOG = """\
examples:
  offbook add "Ada Lovelace" --phone 555-1234 --detail phone:Boat=555-9
  offbook edit "Ada Lovelace" --company "Analytical Engines"
  offbook list --search lovelace
  offbook sync

An ID is an id, the beginning of one (6 characters or more), or a contact's
whole name. The book is in FILE, else in the file that OFFBOOK_DB names, else in
your data folder.

exit codes:
  0 all is well          3 offline: nothing is lost, the next sync sends it
  1 something failed     4 the server does not accept this device's token
  2 wrong command line   5 a change is parked: see `offbook parked`
"""


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of ending the process. No option can be shortened, so that new ones break no script."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Raise UsageError, with where to read more."""
        raise UsageError.of(messages.BAD_COMMAND, reason=message, program=self.prog)


class UntypedParser(Parser):
    """Stands for a command whose name was not typed. The help of `offbook` lists it; its options, which it does not
    have, would take longer to make than `offbook list` takes to answer.
    """

    def __init__(self, *args: object, **options: object) -> None:
        """Leave out what ArgumentParser makes: nothing asks this parser."""

    def add_argument(self, *args: object, **options: object) -> argparse.Action:
        """An action that belongs to no parser."""
        return argparse.Action([], "")

    def set_defaults(self, **options: object) -> None:
        """Keep none: nothing is parsed."""

    def add_subparsers(self, **options: object) -> argparse._SubParsersAction[UntypedParser]:  # type: ignore[override]
        """Commands under this one, which are as little typed."""
        return argparse._SubParsersAction([], "", UntypedParser)


class VersionAction(argparse.Action):
    """Looks the version up when it is asked for: that alone takes as long as many a command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"offbook {version('offbook')}")
        except PackageNotFoundError:
            print("offbook, run from its folder without having been installed")
        parser.exit()


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The arguments, with the command's function as ``run``. Raises UsageError; SystemExit after help or version."""
    defaults = argparse.Namespace(db=None, json=False, makes_file=False, on_book=True)
    args = make_parser(words).parse_args(words, defaults)
    if "rest" in args:  # of `table`: the file will tell which options it may have, beside those of every command
        _, args.rest = _common_options("").parse_known_args(args.rest, args)
    module, _, function = args.run.partition(".")
    args.run = getattr(import_module(f"offbook.cli.commands.{module}"), function)
    return args


def make_parser(words: Sequence[str]) -> Parser:
    """The parser of these words: it lists all commands, and has the options of those that the words name.

    ``run`` names a function in offbook.cli.commands: `list` loads no other.
    """
    everywhere = _common_options("where the book is on this device")
    parser = Parser(
        "offbook",
        description=DESCRIPTION,
        epilog=EPILOG,
        parents=[everywhere],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=VersionAction, nargs=0, help="tell the version of offbook")

    def parser_of(prog: str, **options: object) -> Parser:
        return Parser(prog, **options) if prog.rpartition(" ")[2] in words else UntypedParser()

    # argparse wants a class, and does no more with it than to call it
    commands = parser.add_subparsers(  # type: ignore[call-overload]
        title="commands", metavar="COMMAND", required=True, parser_class=parser_of
    )

    def command(name: str, run: str, help: str, more: str = "", options: Parser = everywhere) -> Parser:
        description = f"{help[0].upper()}{help[1:]}. {more}"
        subparser: Parser = commands.add_parser(name, parents=[options], help=help, description=description)
        subparser.set_defaults(run=run)
        return subparser

    _add_sync(command)
    _add_contacts(command)
    _add_labels(command, everywhere)
    _add_tables(command)
    _add_import_export(command)
    _add_changes(command, everywhere)
    _add_conflicts(command)
    _add_history(command)
    _add_ingest(command)
    return parser


def _common_options(where: str) -> Parser:
    """What every command takes. Without defaults: they would take the place of what was given before its name."""
    options, nothing = Parser(add_help=False), argparse.SUPPRESS
    options.add_argument("--db", metavar="FILE", default=nothing, help=where)
    options.add_argument("--json", action="store_true", default=nothing, help="answer in JSON, errors too")
    return options


Command = Callable[..., Parser]


def _add_contacts(command: Command) -> None:
    add = command("add", "contacts.add", "add a contact")
    add.set_defaults(makes_file=True)
    add.usage = "%(prog)s NAME [--FIELD TEXT ...] [OPTION ...]"
    add.add_argument("name", metavar="NAME")
    field_options.add_options(add, without="name")
    listing = command("list", "contacts.list_", "list the contacts, or those that have each WORD somewhere")
    listing.add_argument("words", metavar="WORD", nargs="*", help="without regard to case and accents")
    listing.add_argument("--search", metavar="TEXT", default="", help="the words as one text, like --search 'ada king'")
    listing.add_argument("--label", metavar="LABEL", help="only those that have this label")
    command("show", "contacts.show", "show all of a contact").add_argument("id", metavar="ID")
    more = "What is not named stays as it is; an empty text (--phone '') empties a field."
    edit = command("edit", "contacts.edit", "change a contact", more)
    edit.usage = "%(prog)s ID [--FIELD TEXT ...] [OPTION ...]"
    edit.add_argument("id", metavar="ID")
    field_options.add_options(edit)
    field_options.add_removal(edit)
    photo = command(
        "photo", "photos.photo", "set or remove a contact's photo", "A JPEG, PNG, WebP or GIF, at most 10 MB."
    )
    photo.add_argument("id", metavar="ID")
    photo.add_argument("file", metavar="FILE", nargs="?")
    photo.add_argument("--remove", action="store_true", help="remove it")
    command("rm", "contacts.rm", "delete contacts").add_argument("id", metavar="ID", nargs="+")


def _add_labels(command: Command, everywhere: Parser) -> None:
    more = "Contacts have a label by its name: what is done to one is done to all who have it, and undone together."
    label = command("label", "labels.list_", "list, rename or delete labels; give them to contacts, or take them", more)
    actions = label.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, run, help, arguments in (
        ("list", "labels.list_", "list the labels, and how many contacts have each", ()),
        ("rename", "labels.rename", "give a label another name", ("old", "new")),
        ("rm", "labels.rm", "delete a label", ("name",)),
        ("add", "labels.add", "give contacts a label, which is added where there is none", ("name", "ids")),
        ("remove", "labels.remove", "take a label from contacts", ("name", "ids")),
    ):
        action = actions.add_parser(name, parents=[everywhere], help=help, description=f"{help.capitalize()}.")
        action.set_defaults(run=run)
        for argument in arguments:
            is_many = argument == "ids"
            action.add_argument(argument, metavar="ID" if is_many else argument.upper(), nargs="+" if is_many else None)


def _add_tables(command: Command) -> None:
    command("tables", "table.tables", "list the tables of this book, and how many records each has")
    more = "What a record has follows from the table: `offbook table NAME add --help` tells it."
    table = command("table", "table.table", "list, add, show, change or delete the records of any table", more)
    table.usage = "%(prog)s NAME list|add|show|edit|rm|history [OPTION ...]"
    table.add_argument("table", metavar="NAME", help="as `offbook tables` tells it")
    actions = ("list", "add", "show", "edit", "rm", "history")
    table.add_argument("action", metavar="ACTION", choices=actions, help=", ".join(actions))
    table.add_argument("rest", metavar="...", nargs=argparse.REMAINDER, help="what the action takes: see its --help")


def _add_import_export(command: Command) -> None:
    more = (
        "A contact that is here already, or was deleted here, is left as it is: importing twice adds nothing. One that "
        "is cut short has added a part, and the same import again adds the rest."
    )
    import_ = command("import", "import_export.import_", "add the contacts of files: cards (vCard) or a CSV", more)
    import_.set_defaults(makes_file=True)
    import_.add_argument("files", metavar="FILE", nargs="+", help="- for standard input")
    import_.add_argument("--format", metavar="F", help="else it is recognized")
    import_.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")
    mapping = (
        'what the columns of a CSV are: JSON like {"Office": "details.phone:Work"}, which --dry-run --json proposes; '
        "remembered for files of the same header line"
    )
    import_.add_argument("--map", metavar="MAP", help=mapping)
    import_.add_argument("--label", metavar="L", default="", help="a label for all who are added or changed")
    choices = [choice.value for choice in OnDuplicate]
    doubt = "what becomes of who may be somebody that is here, by name or number alone (default: keep both)"
    import_.add_argument("--on-duplicate", choices=choices, default=OnDuplicate.KEEP.value, help=doubt)
    export = command("export", "import_export.export", "write all contacts as cards (vCard) or a CSV")
    export.add_argument("file", metavar="FILE", nargs="?", default=STANDARD, help="else standard output")
    export.add_argument("--format", metavar="F", default="google", help="google (its CSV), vcard3, vcard4 or zip (all)")
    export.add_argument("--label", metavar="L", default="", help="only who has this label")
    harmless = "a CSV to be looked at: no cell is executed; otherwise each is as it stands in the book"
    export.add_argument("--spreadsheet", action="store_true", help=harmless)


def _add_sync(command: Command) -> None:
    more = (
        f"The device's token is read from standard input, or from {TOKEN}. "
        "Without --server the book keeps the one that it has, and takes a new token; "
        "or it stays on this device until one is named."
    )
    init = command("init", "sync.init", "make this device's book, and name its server", more)
    init.set_defaults(makes_file=True)
    init.add_argument("--server", metavar="URL", help="like https://contacts.example.org")
    more = "Exits with 0; or 3 offline, 4 not authorized, 5 when a change is parked, 1 when something else failed."
    command("sync", "sync.sync", "send what waits and fetch what is new", more)
    more = (
        "Both sides are compared by digests, so a book that agrees costs a few hundred bytes. Edits that wait are "
        "left as they are. Exits like sync."
    )
    command("verify", "verify.verify", "compare every record with the server's, and mend what differs", more)
    more = "The server is asked, and nothing changes: not on this device, not there. Exits like sync."
    command("plan", "dry_run.plan", "tell what a sync would send, merge, fetch and park", more)
    command("watch", "watch.watch", "keep syncing, and tell what happens, until Ctrl-C")
    command("status", "sync.status", "tell where this device stands")


def _add_changes(command: Command, everywhere: Parser) -> None:
    log = command("log", "changes.log_", "show the last changes of this device")
    log.add_argument("id", metavar="ID", nargs="?", help="only those of one contact")
    log.add_argument("-n", "--last", metavar="N", type=_natural, default=20, help="how many (20)")
    parked = command("parked", "changes.parked", "list what can't be sent, and why; retry or drop it")
    actions = parked.add_subparsers(title="actions", metavar="ACTION")
    retry = actions.add_parser(
        "retry",
        parents=[everywhere],
        help="send a change again, corrected",
        description="Send a parked change again, with the fields that are named corrected.",
    )
    retry.usage = "%(prog)s ID [--FIELD TEXT ...] [OPTION ...]"
    retry.set_defaults(run="changes.resend")
    retry.add_argument("id", metavar="ID", help="of the parked change")
    of_table = "a field of whatever table it is about"
    retry.add_argument("--set", metavar="FIELD=VALUE", action="append", default=[], help=of_table)
    field_options.add_options(retry)
    field_options.add_removal(retry)
    drop = actions.add_parser(
        "drop",
        parents=[everywhere],
        help="give a change up",
        description="Give a parked change up: its contact becomes what the server has.",
    )
    drop.set_defaults(run="changes.drop")
    drop.add_argument("id", metavar="ID", help="of the parked change")


def _add_conflicts(command: Command) -> None:
    command("conflicts", "conflicts.conflicts", "list what waits for a person to decide")
    more = (
        "ours is what the book has, theirs what another device wrote without having seen that; both keeps the two "
        "where there is room, like a second number. It counts here at once, and everywhere with the next sync."
    )
    resolve = command("resolve", "conflicts.resolve", "decide what waits", more)
    resolve.usage = "%(prog)s ID ours|theirs|both | ID --value TEXT | --all ours|theirs"
    resolve.add_argument("id", metavar="ID", nargs="?", help="of the conflict, or how it begins")
    resolve.add_argument("choice", metavar="CHOICE", nargs="?", help="ours, theirs or both")
    resolve.add_argument("--value", metavar="TEXT", help="another value that is to stand")
    resolve.add_argument("--all", metavar="CHOICE", help="the same in all of them: ours or theirs")


def _add_history(command: Command) -> None:
    more = "The server is asked: it knows what every device did. Exits with 3 when it can't be reached."
    parser = command("history", "history.history", "tell what happened to a contact, the newest first", more)
    parser.add_argument("id", metavar="ID", help="of a contact, also of one that was deleted")
    more = (
        "CHANGE is the id of a change, or how it begins, as `offbook history` tells it. What is given back is an edit "
        "of this device: it shows at once, goes out with the next sync, and is in the history itself."
    )
    restore = command("restore", "history.restore", "give back what was", more)
    restore.usage = (
        "%(prog)s CHANGE [--contact ID] [--cell CELL ...] [--to WHEN]\n       %(prog)s --contact ID --at CHANGE"
    )
    restore.add_argument("change", metavar="CHANGE", nargs="?", help="give back what this change replaced")
    restore.add_argument("--contact", metavar="ID", help="whose change it is, when another device made it")
    restore.add_argument(
        "--cell", metavar="CELL", action="append", help="only this, like phone or details/KEY/value; may be repeated"
    )
    restore.add_argument(
        "--to", metavar="WHEN", choices=("before", "after"), default="before", help="before (usual) or after the change"
    )
    restore.add_argument("--at", metavar="CHANGE", help="the whole contact as it was right after this change")
    more = "The server is asked. CELL is a field, like phone, or a detail, like details/KEY; else all is explained."
    explain = command("explain", "history.explain", "tell why a contact has the values that it has", more)
    explain.add_argument("id", metavar="ID")
    explain.add_argument("cell", metavar="CELL", nargs="?")
    more = "The server is asked: it knows what every device did. Exits with 3 when it can't be reached."
    command("batches", "batches.batches", "list what imports and other acts wrote together", more)
    more = (
        "BATCH is an id, or how it begins, as `offbook batches` tells it. Only what nobody changed since goes back; "
        "what stays is named. The server does it, after a sync; the undo is a batch too, and can be undone."
    )
    undo = command("undo", "batches.undo", "take back what an import or another act wrote", more)
    undo.add_argument("batch", metavar="BATCH")


def _add_ingest(command: Command) -> None:
    more = (
        "Each is on disk within 100 ms. A connection that breaks off is made again, for ever, and a row of stream_gaps "
        "tells when it was away. Ctrl-C, SIGTERM and a hang-up end it, with all stored that came until then. "
        f"Others on this machine can read arguments: give a token by @FILE, or as a header in {HEADERS}."
    )
    where = "where the messages go (live_stream.db)"
    parser = command("ingest", "ingest.ingest", "store the messages of a WebSocket", more, _common_options(where))
    parser.set_defaults(on_book=False)
    parser.add_argument("url", metavar="URL", help="like wss://example.org/feed; - reads it from standard input")
    parser.add_argument(
        "--header",
        metavar="HEADER",
        action="append",
        default=[],
        help="like 'Authorization: …'; @FILE reads lines of them",
    )
    parser.add_argument(
        "--send", metavar="TEXT", action="append", default=[], help="say this after each connecting; @FILE reads it"
    )
    parser.add_argument("--max-message", metavar="MIB", type=_natural, default=16, help="refuse larger messages (16)")
    parser.add_argument("--compress", action="store_true", help="let the server compress")
    parser.add_argument("--moved", action="store_true", help="it is the file's stream, at a new address")


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:18]) < 2**31):
        raise argparse.ArgumentTypeError(f"{text!a} is not a number above 0")
    return int(text)
