"""Text as the rules read it: blanks, hosts and query strings."""

import re
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import unquote_to_bytes

_AUTHORITY = re.compile(r"^(?:[a-z][a-z0-9+.\-]*:)?//([^/?#]*)", re.IGNORECASE)
_PORT = re.compile(r":[0-9]*$")
_CACHED_URLS = 200_000

Query = MappingProxyType[str, str]


def clean(text: str | None) -> str | None:
    """Text without blanks (U+0020) at its ends; None where nothing is left (E1)."""
    return (text.strip(" ") or None) if text is not None else None


def text_of(value: object) -> str | None:
    """A sent value as clean text. Objects and arrays are no value."""
    if isinstance(value, bool):
        return str(value).lower()
    return clean(str(value)) if isinstance(value, str | int | float | Decimal) else None


def tidy_host(authority: str) -> str | None:
    """The host of `user@Host:port` in the form that is compared: lower case, no `www.`, no trailing dot (S2)."""
    host = _PORT.sub("", authority.rpartition("@")[2].strip(" ").lower())
    return host.removesuffix(".").removeprefix("www.") or None


@lru_cache(maxsize=_CACHED_URLS)
def host_of(url: str | None) -> str | None:
    """The tidy host of a URL; None where the text is no URL with a host."""
    match = _AUTHORITY.match(url or "")
    return tidy_host(match[1]) if match else None


def host_in(source: str) -> str | None:
    """The tidy host that a source names, whether it is a bare host or a URL (S4)."""
    return host_of(source) if _AUTHORITY.match(source) else host_of("//" + source)


def lies_under(host: str, domain: str) -> bool:
    """True when `host` is `domain` or one of its subdomains."""
    return host == domain or host.endswith("." + domain)


def decode(raw: str) -> str:
    """Percent-decoded text with `+` as a blank; the raw text where its bytes are not UTF-8 (S2)."""
    try:
        return unquote_to_bytes(raw.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        return raw


@lru_cache(maxsize=_CACHED_URLS)
def query_of(url: str | None) -> Query:
    """The first occurrence of each parameter before any `#`, by its exact raw name, decoded; empty ones left out."""
    first: dict[str, str] = {}
    for pair in (url or "").partition("#")[0].partition("?")[2].split("&"):
        name, _, raw = pair.partition("=")
        first.setdefault(name, raw)
    decoded = {name: clean(decode(raw)) for name, raw in first.items()}
    return MappingProxyType({name: value for name, value in decoded.items() if value is not None})
