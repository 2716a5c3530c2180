"""Sends messages to addresses that are known by reference only. The one file that names apprise.

An address is a URL of apprise, as `slack://...` or `mailtos://...`, and carries credentials: it is looked up when a
message is sent, and appears in no log, error or record. Whatever goes wrong is told as a code.
"""

from __future__ import annotations

import logging
from typing import Protocol

from remit.domain.notice import Message
from remit.storage.vault import ForbiddenSecret, NoSecret, Vault

_TALKATIVE = ("apprise", "urllib3", "requests")
"""Loggers that write addresses, or paths of them, where something goes wrong."""


class NotDelivered(Exception):
    """A message that was not sent. `code` says why.

    It is `address_missing` where the reference leads nowhere, `address_unfit` where what it leads to is none,
    `not_delivered` where whoever is behind the address did not take it, and `apprise_missing` where the extra `server`
    is not installed.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Delivery(Protocol):
    """Takes messages. `send` returns once whoever is behind the address has taken it, and else raises NotDelivered."""

    def send(self, reference: str, message: Message) -> None: ...


class AppriseDelivery:
    """Sends by apprise."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def send(self, reference: str, message: Message) -> None:
        """See Delivery. A second or so per address, and no more than about 15."""
        address = self._address(reference)
        try:
            import apprise  # 100 ms and many modules: only where something is sent
        except ImportError:
            raise NotDelivered("apprise_missing") from None
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        try:
            asset = apprise.AppriseAsset(app_id="Remit", app_desc="Remit", storage_mode="memory", async_mode=False)
            target = apprise.Apprise(asset=asset)
            is_fit = target.add(address)
            sent = is_fit and target.notify(body=message.body, title=message.subject, body_format="text")
        except Exception:  # noqa: BLE001 - a plugin may raise anything, with the address in its words
            raise NotDelivered("not_delivered") from None
        if not is_fit:
            raise NotDelivered("address_unfit")
        if not sent:
            raise NotDelivered("not_delivered")

    def _address(self, reference: str) -> str:
        try:
            return self._vault.secret(reference)
        except NoSecret as error:
            is_forbidden = isinstance(error, ForbiddenSecret)
            raise NotDelivered("address_forbidden" if is_forbidden else "address_missing") from None
