"""Who is really calling, told by proxies we trust and by nobody else; and where everybody reaches us."""

from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import pairwise
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest


def real(remote: str, forwarded_for: str) -> str:
    """The address next to the proxies of ours, read from right to left: what stands further left anybody may have written."""
    hops = [remote, *reversed([hop.strip() for hop in forwarded_for.split(",") if hop.strip()])]
    for hop, further in pairwise(hops):
        if not _is_trusted(hop) or _parse(further) is None:
            return hop
    return hops[-1]


def client_address(request: HttpRequest) -> str:
    """The address of the browser or program behind a request."""
    return real(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""))


def network(address: str) -> str:
    """What one caller can choose from: the address itself, or the /64 around it, for a home has the whole of one."""
    parsed = _parse(address)
    return str(IPv6Network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address


def public(url: str) -> str:
    """The same page under the address that everybody knows: the Host header is the visitor's word."""
    said, ours = urlsplit(url), urlsplit(settings.PUBLIC_URL)
    return said._replace(scheme=ours.scheme, netloc=ours.netloc).geturl()


def _is_trusted(address: str) -> bool:
    parsed = _parse(address)
    return parsed is not None and any(parsed in trusted for trusted in _trusted(tuple(settings.TRUSTED_PROXIES)))


@cache
def _trusted(proxies: tuple[str, ...]) -> list[IPv4Network | IPv6Network]:
    return [ip_network(proxy, strict=False) for proxy in proxies]


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed
