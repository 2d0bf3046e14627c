"""The simulated world: the shop, its products, its visitors' devices and places, and what brings people to it.

Each `Touch` declares by hand what docs/semantics.md says of a visit that it opens (source, medium, campaign,
source_rule), so that what tests expect of it shares no code with any implementation of those rules.
Weights are whole numbers, comparable within one table. Money is US dollars.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple
from urllib.parse import quote, urlencode

SHOP, CHECKOUT = "www.example-shop.com", "checkout.example-shop.com"
HOME = f"https://{SHOP}/"
GATEWAY = "paypal.com"
NOT_SET = "(not set)"
GA4_STREAM_ID = 2100450278


class Product(NamedTuple):
    """One article: price in US dollars."""

    item_id: str
    name: str
    category: str
    price: Decimal

    @property
    def url(self) -> str:
        """Its page in the shop."""
        return f"{HOME}p/{self.item_id.lower()}"


PRODUCTS = tuple(
    Product(item_id, name, category, Decimal(price))
    for item_id, name, category, price in (
        ("SKU-1001", "Trail Daypack 22 L", "Bags", "79.90"),
        ("SKU-1002", "Roll-top Courier Bag", "Bags", "119.00"),
        ("SKU-1003", "Travel Duffel 45 L", "Bags", "149.50"),
        ("SKU-2001", "Merino Base Layer", "Apparel", "64.00"),
        ("SKU-2002", "Rain Shell", "Apparel", "189.00"),
        ("SKU-2003", "Wool Beanie", "Apparel", "24.50"),
        ("SKU-2004", "Hiking Socks, two pairs", "Apparel", "19.95"),
        ("SKU-3001", "Insulated Bottle 0.75 L", "Outdoor", "34.90"),
        ("SKU-3002", "Titanium Mug", "Outdoor", "29.00"),
        ("SKU-3003", "Head Torch 400 lm", "Outdoor", "49.99"),
        ("SKU-3004", "Two-person Tent", "Outdoor", "329.00"),
        ("SKU-4001", "Gift Card", "Gifts", "50.00"),
    )
)


class Place(NamedTuple):
    """Where a household lives and the currency it pays in."""

    weight: int
    city: str
    country: str
    currency: str


PLACES = (
    Place(22, "New York", "United States", "USD"),
    Place(18, "Austin", "United States", "USD"),
    Place(20, "Portland", "United States", "USD"),
    Place(8, "Toronto", "Canada", "CAD"),
    Place(11, "London", "United Kingdom", "GBP"),
    Place(9, "Berlin", "Germany", "EUR"),
    Place(6, "Lyon", "France", "EUR"),
    Place(6, "Bengaluru", "India", "USD"),
)
USD_PER_UNIT = {"USD": Decimal(1), "EUR": Decimal("1.08"), "GBP": Decimal("1.27"), "CAD": Decimal("0.73")}


#: Categories of devices with their weights.
HARDWARE = {"desktop": 44, "mobile": 50, "tablet": 6}

ADS_CAMPAIGNS = {
    "21345678901": "Brand Search",
    "21345678902": "Generic Search",
    "21345678903": "App Remarketing",
    "21345678904": "iOS Search",
    "21345678905": "Performance Max",
}

Tags = tuple[str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Touch:
    """What opens a visit, the traces it leaves in GA4, and what the rules S1 to S5 make of them.

    acquire, comeback: weights among first and among later visits; buy: purchase probability, per mille, of the visit.
    source, medium, campaign: the expected evidence; a Google click id's `campaign` is only known once GA4's daily table
    names it (ads_campaign), `(not set)` until then.
    rule: source_rule of a page_view; it also says where the tags stand (parameters, GA4's collected_traffic_source,
    the page's address). click: name of the click id in the address. referrer: without https://. misread: parameters
    that say something else.
    """

    name: str
    acquire: int
    comeback: int
    buy: int
    source: str
    medium: str
    campaign: str
    rule: str
    click: str | None = None
    ads_campaign: str | None = None
    referrer: str | None = None
    misread: Tags | None = None

    @property
    def is_direct(self) -> bool:
        """Whether the visit has no evidence of a source."""
        return self.rule == "direct"

    @property
    def collected(self) -> bool:
        """Whether GA4's collected_traffic_source has the tags."""
        return self.rule in {"collected_traffic_source", "click_id_utm"}

    @property
    def tagged(self) -> bool:
        """Whether the page's address has the tags as utm_ parameters."""
        return self.rule == "utm" or (self.collected and self.referrer is None)

    @property
    def params(self) -> Tags | None:
        """Source, medium and campaign in event_params, or in a streamed event's fields."""
        return self._tags() if self.collected or self.rule == "event_params" else self.misread

    def _tags(self) -> Tags:
        medium, campaign = (None if value == NOT_SET else value for value in (self.medium, self.campaign))
        return self.source, medium, campaign

    def url(self, page: str, click_id: str | None) -> str:
        """The address that the touch leads to."""
        named = zip(("utm_source", "utm_medium", "utm_campaign"), self._tags(), strict=True) if self.tagged else ()
        query = {name: value for name, value in named if value}
        if self.ads_campaign:
            query |= {"gad_source": "1", "gad_campaignid": self.ads_campaign}
        if self.click and click_id:
            query[self.click] = click_id
        return f"{page}?{urlencode(query, quote_via=quote)}" if query else page


COLLECTED, PARAMS, CLICK = "collected_traffic_source", "event_params", "click_id"
_DIRECT = ("(direct)", "(none)", NOT_SET, "direct")
#: What GA4 takes a page of the shop's own, and the return from the payment gateway, for.
OWN_PAGE: Tags = (CHECKOUT, "referral", "(referral)")
PAID_THERE: Tags = (GATEWAY, "referral", "(referral)")
TOUCHES = (
    Touch("Google Ads, brand", 8, 10, 40, "google", "cpc", NOT_SET, CLICK, "gclid", "21345678901"),
    Touch(
        "Google Ads, misread", 10, 4, 20, "google", "cpc", NOT_SET, CLICK, "gclid", "21345678902",
        misread=("google", "organic", "(organic)"),
    ),
    Touch("Google Ads, app", 2, 3, 25, "google", "cpc", NOT_SET, CLICK, "gbraid", "21345678903"),
    Touch("Google Ads, iOS", 3, 2, 25, "google", "cpc", NOT_SET, CLICK, "wbraid", "21345678904"),
    Touch("Campaign Manager display", 3, 4, 8, "google", "cpc", NOT_SET, CLICK, "dclid"),
    Touch("Google Ads, tagged", 4, 3, 25, "google", "cpc", "pmax_spring", "click_id_utm", "gclid"),
    Touch("Microsoft Ads", 3, 2, 25, "bing", "cpc", NOT_SET, CLICK, "msclkid"),
    Touch("Microsoft Ads, tagged", 2, 2, 30, "bing", "cpc", "brand_bing", "click_id_utm", "msclkid"),
    Touch("Google free listings", 5, 4, 28, "google", "organic", "Shopping Free Listings", CLICK, "srsltid"),
    Touch("Google search", 16, 10, 20, "google", "organic", "(organic)", COLLECTED, referrer="www.google.com/"),
    Touch("Google search, untagged", 6, 4, 20, "google", "organic", NOT_SET, "referrer", referrer="www.google.com/"),
    Touch("Bing search", 3, 2, 20, "bing", "organic", NOT_SET, "referrer", referrer="www.bing.com/search?q=rain+shell"),
    Touch("DuckDuckGo search", 2, 2, 20, "duckduckgo", "organic", NOT_SET, "referrer", referrer="duckduckgo.com/"),
    Touch("Facebook ad", 10, 4, 12, "facebook", "paid_social", "spring_launch", COLLECTED, "fbclid"),
    Touch(
        "Facebook post", 4, 2, 10, "l.facebook.com", "referral", NOT_SET, "referrer", "fbclid",
        referrer="l.facebook.com/",
    ),
    Touch("Instagram bio", 4, 3, 14, "instagram", "social", "bio_link", COLLECTED),
    Touch("X post", 3, 2, 10, "t.co", "referral", NOT_SET, "referrer", referrer="t.co/Ab3dE"),
    Touch("Newsletter", 2, 13, 45, "newsletter", "email", "weekly_digest", COLLECTED),
    Touch("Abandoned-cart e-mail", 0, 8, 70, "crm", "email", "abandoned cart", "utm"),
    Touch("Affiliate", 4, 3, 35, "awin", "affiliate", "partner_network", COLLECTED),
    Touch("ChatGPT", 3, 2, 25, "chatgpt.com", NOT_SET, NOT_SET, "utm"),
    Touch("Perplexity", 2, 1, 25, "perplexity.ai", "referral", NOT_SET, "referrer", referrer="www.perplexity.ai/"),
    Touch(
        "Gemini", 1, 1, 25, "gemini.google.com", "ai-assistant", "(ai-assistant)", PARAMS,
        referrer="gemini.google.com/",
    ),
    Touch(
        "Outdoor blog", 5, 2, 22, "outdoor-blog.example", "referral", "(referral)", PARAMS,
        referrer="outdoor-blog.example/",
    ),
    Touch(
        "Reviews", 4, 2, 30, "gearreviews.example", "referral", NOT_SET, "referrer",
        referrer="www.gearreviews.example/best",
    ),
    Touch("Text message", 1, 3, 35, "sms", "sms", "flash_sale", COLLECTED),
    Touch("Podcast", 2, 1, 18, "podcast", "audio", "host_read", COLLECTED),
    Touch("Push message", 0, 2, 25, "pushservice", "push", "back_in_stock", COLLECTED),
    Touch("Unknown to GA4", 2, 1, 18, "<Other>", "<Other>", "<Other>", PARAMS),
    Touch("Typed or bookmarked", 13, 28, 26, *_DIRECT),
    Touch("Typed, GA4 says so", 3, 4, 26, *_DIRECT, misread=("(direct)", "(none)", "(direct)")),
    Touch("Back in an open tab", 0, 5, 30, *_DIRECT, referrer=f"{CHECKOUT}/cart", misread=OWN_PAGE),
    Touch("Back from the payment page", 0, 3, 30, *_DIRECT, referrer=f"www.{GATEWAY}/", misread=PAID_THERE),
)  # fmt: skip


class Ad(NamedTuple):
    """A campaign that is paid by the click: the touch it brings, the tool that bills it, cents a click.

    seen: how often the ad is shown for a click.
    """

    touch: str
    tool: str
    cents: int
    seen: int


ADS = (
    Ad("Google Ads, brand", "google_ads", 95, 9),
    Ad("Google Ads, misread", "google_ads", 170, 24),
    Ad("Google Ads, app", "google_ads", 120, 40),
    Ad("Google Ads, iOS", "google_ads", 150, 30),
    Ad("Google Ads, tagged", "google_ads", 140, 35),
    Ad("Microsoft Ads", "microsoft_ads", 110, 28),
    Ad("Microsoft Ads, tagged", "microsoft_ads", 80, 12),
    Ad("Facebook ad", "meta_ads", 130, 70),
)
