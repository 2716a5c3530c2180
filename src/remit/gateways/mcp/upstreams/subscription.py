"""What a client wants to hear of a server that has no subscriptions of its own: such a server tells everybody."""

from __future__ import annotations

from remit.gateways.mcp.port import Json, UpstreamRefused
from remit.gateways.mcp.upstreams.call import Call
from remit.gateways.mcp.upstreams.wording import ACKNOWLEDGED, LIST_CHANGED, SUBSCRIPTION_KEY, UPDATED

MOST_URIS = 100
_OF = {"toolsListChanged": "tools", "promptsListChanged": "prompts", "resourcesListChanged": "resources"}


class Subscription:
    """One `subscriptions/listen` that is played for a modern client. Raises UpstreamRefused for a bad filter."""

    def __init__(self, call: Call, params: Json) -> None:
        wanted = params.get("notifications")
        uris = wanted.get("resourceSubscriptions", []) if isinstance(wanted, dict) else None
        if not isinstance(wanted, dict) or not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
            raise UpstreamRefused(-32602, "the filter `notifications` is not what it should be")
        if len(uris) > MOST_URIS:
            raise UpstreamRefused(-32602, f"more than {MOST_URIS} resources can not be listened to at once")
        self.call = call
        self.uris = tuple(dict.fromkeys(uris))
        self._wanted = wanted

    def acknowledge(self, capabilities: Json) -> None:
        """Say which of the wanted will be heard."""
        heard: dict[str, object] = {}
        for word, of in _OF.items():
            offered = capabilities.get(of)
            if self._wanted.get(word) and isinstance(offered, dict) and offered.get("listChanged"):
                heard[word] = True
        if self.uris:
            heard["resourceSubscriptions"] = list(self.uris)
        self._tell(ACKNOWLEDGED, {"notifications": heard})

    def hear(self, method: str, params: Json) -> None:
        """Pass on what was wanted."""
        if method == UPDATED:
            if params.get("uri") in self.uris:
                self._tell(method, params)
        elif self._wanted.get(LIST_CHANGED[method]):
            self._tell(method, params)

    def _tell(self, method: str, params: Json) -> None:
        meta = params.get("_meta")
        known = meta if isinstance(meta, dict) else {}
        self.call.hear(method, {**params, "_meta": {**known, SUBSCRIPTION_KEY: self.call.id}})
