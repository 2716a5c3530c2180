"""For whom an agent acts, where it shows the person's identity token: verified, and not what the agent says."""

from __future__ import annotations

from remit.api.provider import Provider, ProviderFailed, TokenUnfit
from remit.asgi.answers import Refusal
from remit.domain.ids import UserId, WorkspaceName
from remit.storage.identity import IdentityReads

FIELD = "identity_token"
LONGEST = 16_384


class IdentityTokens:
    """Takes the tokens of one identity provider, or of none. Safe to use from any thread."""

    def __init__(self, provider: Provider | None, accounts: IdentityReads) -> None:
        self._provider = provider
        self._accounts = accounts

    def person(self, workspace: WorkspaceName, token: str) -> UserId:
        """Return the person of this workspace whose token it is. Asks the provider for its keys; raises Refusal.

        A person is known by issuer and subject, as when they sign in, never by a name that the provider may give to
        somebody else. So whoever has never signed in is nobody here.
        """
        if self._provider is None:
            raise Refusal(
                422, "no_provider", "this server knows no identity provider", "Leave identity_token out", field=FIELD
            )
        if len(token) > LONGEST:
            raise Refusal(422, "field_unfit", f"identity_token is longer than {LONGEST:,}", "Send a token", field=FIELD)
        try:
            claims = self._provider.holder(token)
        except TokenUnfit as error:
            raise Refusal(403, "identity_refused", str(error), "Let the person sign in again", field=FIELD) from None
        except ProviderFailed as error:
            raise Refusal(503, "provider_failed", str(error), "Try again with the same id", retry_after_s=1) from None
        account = self._accounts.account_of_subject(workspace, f"{claims['iss']} {claims['sub']}")
        if account is None or account.disabled_at is not None:
            remedy = "Let them sign in to Remit once; an admin sees who is disabled"
            raise Refusal(403, "identity_unknown", "the identity token is of nobody here", remedy, field=FIELD)
        return account.id
