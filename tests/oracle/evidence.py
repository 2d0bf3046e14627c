"""Where one event says that its visit came from (S2), and when that is no evidence (S3, S4)."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from tests.oracle.model import CLICK_IDS, NOT_SET, Campaign, Landed, Rules
from tests.oracle.text import Query, host_in, host_of, lies_under, query_of

_PAID = re.compile(r"(?:cpc|ppc|paid.*)", re.IGNORECASE | re.DOTALL)
_GOOGLE_CLICK_IDS = frozenset(("gclid", "gbraid", "wbraid", "dclid"))
_GOOGLE_AD_PARAMETERS = ("gad_source", "gad_campaignid")


class Evidence(NamedTuple):
    """The evidence of one event and the rule that found it; a part that is missing is `(not set)` (S3)."""

    source: str
    medium: str
    campaign: str
    rule: str


def _evidence(campaign: Campaign, rule: str) -> Evidence:
    return Evidence(campaign.source or NOT_SET, campaign.medium or NOT_SET, campaign.name or NOT_SET, rule)


def is_direct(source: str, medium: str) -> bool:
    """True for `(direct)` with `(none)` or `(not set)`, case aside (S3)."""
    return source.lower() == "(direct)" and medium.lower() in ("(none)", NOT_SET)


def is_complete(source: str, medium: str) -> bool:
    """Whether both are known and they are not direct (S2)."""
    return NOT_SET not in (source, medium) and not is_direct(source, medium)


def _clicked(row: Landed, query: Query) -> Evidence | None:
    """Rule 1: the kinds of click id in order, each wherever the row has it."""
    present = row.click_ids.union(name for name in CLICK_IDS if name in query)
    if present & _GOOGLE_CLICK_IDS:
        return Evidence("google", "cpc", row.ads_campaign or NOT_SET, "click_id")
    if "msclkid" in present:
        return Evidence("bing", "cpc", NOT_SET, "click_id")
    if any(name in query for name in _GOOGLE_AD_PARAMETERS):
        return Evidence("google", "cpc", row.ads_campaign or NOT_SET, "click_id")
    return Evidence("google", "organic", "Shopping Free Listings", "click_id") if present else None


def _named(row: Landed, query: Query) -> Evidence | None:
    """Rules 3 to 5: the first place that names a source and a medium, else the first that names one of them."""
    utm = Campaign(query.get("utm_source"), query.get("utm_medium"), query.get("utm_campaign"))
    places = ((row.collected, "collected_traffic_source"), (row.named, "event_params"), (utm, "utm"))
    found = [_evidence(place, rule) for place, rule in places if place is not None and place.is_present]
    return next((one for one in found if is_complete(one.source, one.medium)), found[0] if found else None)


class SourceRules:
    """S2 to S4 under given settings, search engines (host to name) and apps (id to source and medium)."""

    def __init__(self, rules: Rules, engines: dict[str, str], apps: dict[str, tuple[str, str]]) -> None:
        """Settle the domains that never refer."""
        self._trust_ga4 = rules.trust_ga4_session_source
        self._engines, self._apps = engines, apps
        self._not_referrers = tuple(_hosts((*rules.own_domains, *rules.referral_exclusions)))

    def evidence(self, row: Landed) -> Evidence | None:
        """The event's evidence; None where it has none or it is a self-referral. Direct evidence is returned."""
        found = self._first(row)
        return None if found is None or self._is_self_referral(found, host_of(row.page_location)) else found

    def self_referral(self, row: Landed) -> str | None:
        """The source that S4 passes over; None where it does not."""
        found = self._first(row)
        return found.source if found and self._is_self_referral(found, host_of(row.page_location)) else None

    def never_refers(self, host: str) -> bool:
        """Whether a host is or lies under a domain of our own or a payment gateway (S4)."""
        return any(lies_under(host, domain) for domain in self._not_referrers)

    def _first(self, row: Landed) -> Evidence | None:
        if self._trust_ga4 and row.ga4_session is not None:
            return _evidence(row.ga4_session, "ga4_session_source")
        query = query_of(row.page_location)
        clicked, named = _clicked(row, query), self._without_app_id(_named(row, query))
        if clicked and named and _PAID.fullmatch(named.medium):
            return named._replace(rule="click_id_utm")
        return clicked or named or self._referred(host_of(row.page_referrer))

    def _without_app_id(self, named: Evidence | None) -> Evidence | None:
        """Evidence of rules 3 to 5 with the source and medium of a known app in place of its id."""
        if named is None or named.medium.lower() != "referral" or named.source.lower() not in self._apps:
            return named
        source, medium = self._apps[named.source.lower()]
        return named._replace(source=source, medium=medium)

    def _referred(self, host: str | None) -> Evidence | None:
        """Rule 6."""
        if host is None:
            return None
        engine = self._engines.get(host) or self._engines.get(host.removeprefix("m."))
        source, medium = (engine, "organic") if engine else self._apps.get(host, (host, "referral"))
        return Evidence(source, medium, NOT_SET, "referrer")

    def _is_self_referral(self, found: Evidence, page_host: str | None) -> bool:
        """S4. A search engine found by rule 6 is organic, and so is never one."""
        host = host_in(found.source) if found.medium.lower() == "referral" else None
        if host is None:
            return False
        if page_host is not None and (lies_under(host, page_host) or lies_under(page_host, host)):
            return True
        return self.never_refers(host)


def _hosts(domains: Iterable[str]) -> Iterable[str]:
    return (host for host in map(host_in, domains) if host is not None)
