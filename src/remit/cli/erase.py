"""`remit erase`: destroy what is kept of a data subject."""

from __future__ import annotations

import click

from remit.cli.master_key import master_key
from remit.cli.output import TABLE, document, line, output_option
from remit.cli.session import Failed, session, workspace_option
from remit.control.erasure import Erasure, ErasureRefused
from remit.storage.sealed import Keyring

EXAMPLES = """\b
Examples:
  remit erase customer-4711 --yes -m "request of 3 May"

Do not write the subject's name into the message: records stay for ever,
and so do the purposes of runs.
Copies of the database made before still hold the key."""


@click.command(epilog=EXAMPLES)
@click.argument("subject")
@click.option("-m", "--message", default="", help="Why, for the record.")
@click.option("--yes", is_flag=True, help="Needed: what is erased can not be brought back.")
@workspace_option
@output_option
def erase(subject: str, message: str, yes: bool, workspace: str | None, output: str) -> None:
    """Destroy the key of SUBJECT's payloads: arguments, results and tasks of their runs become unreadable for ever."""
    if not yes:
        raise Failed("what is erased can not be brought back: say --yes if that is meant")
    with session() as open_session:
        parts = open_session.parts
        erasure = Erasure(parts.store, Keyring(master_key(parts)), parts.clock, parts.ids)
        where = open_session.workspace(workspace)
        try:
            certificate = erasure.erase(where, subject, open_session.person, message)
        except ErasureRefused as error:
            raise Failed(str(error)) from error
    if output != TABLE:
        document(
            {
                "record": certificate.record,
                "at": certificate.at,
                "payload_key": certificate.key,
                "subject_digest": certificate.subject_digest,
                "salt": certificate.salt.hex(),
            },
            output,
        )
        return
    line(f"Erased. The certificate is record {certificate.record}; processes that run forget the key within 30 s.")
    line(f"Its salt, kept nowhere else: {certificate.salt.hex()}")
    line("With it the subject can be shown to be the one the certificate is about. Hand it over, or throw it away.")
