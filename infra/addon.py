"""The add-on as the settings describe it: what its functions are given, and the addresses that its manifest names."""

from __future__ import annotations

from functions.addon.entry import ENDPOINTS
from functions.addon.offer import AddOn, Offer
from functions.ports import AddOnIdentity
from infra.setting import listed
from infra.settings import Settings


def add_on(settings: Settings, identity: AddOnIdentity) -> AddOn:
    """What the function `addon` must know of itself."""
    return AddOn(
        identity=identity,
        account=settings.addon_account,
        client=settings.addon_client,
        audiences=audiences(settings),
        name=settings.addon_name,
        offers=offers(settings),
        settings_url=settings.addon_settings_url or None,
        login_url=settings.addon_login_url or None,
        subscribe=settings.addon_subscribe,
    )


def offers(settings: Settings) -> tuple[Offer, ...]:
    """The conference solutions; each has its provider's name for an id, since that never changes."""
    domains = frozenset(one.lower() for one in listed(settings.addon_domains))
    found = [one.partition("=") for one in listed(settings.addon_solutions)]
    return tuple(
        Offer(id=provider, provider=provider, name=name or provider, logo=settings.addon_logo, domains=domains)
        for provider, _, name in found
    )


def address(settings: Settings, endpoint: str = "", offer: Offer | None = None) -> str:
    """Where an endpoint is reached; that of an offer among several says which one is meant."""
    base = f"{settings.public_url or settings.base_url}/addon"
    at = f"{base}/{endpoint}" if endpoint else base
    return f"{at}?solution={offer.id}" if offer is not None and len(offers(settings)) > 1 else at


def audiences(settings: Settings) -> frozenset[str]:
    """All that Google may mean by "the endpoint's URL": with its path and query, without, or the function's own."""
    known = {address(settings, endpoint) for endpoint in ENDPOINTS}
    known |= {address(settings, "create", offer) for offer in offers(settings)}
    return frozenset({address(settings), *known, *listed(settings.addon_audiences)})
