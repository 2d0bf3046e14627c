"""The simulated world: the shop, its products, its visitors' devices and places, and what brings people to it.

Each `Touch` declares by hand what docs/semantics.md says of a visit that it opens (source, medium, campaign,
source_rule), so that what tests expect of it shares no code with any implementation of those rules.
Weights are whole numbers, comparable within one table. Money is US dollars.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

SHOP, CHECKOUT = "www.example-shop.com", "checkout.example-shop.com"
HOME = f"https://{SHOP}/"
GATEWAY = "paypal.com"
NOT_SET = "(not set)"
GA4_STREAM_ID = 2100450278


@dataclass(frozen=True, slots=True)
class Product:
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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a household lives and the currency it pays in."""

    weight: int
    city: str
    region: str
    country: str
    continent: str
    sub_continent: str
    currency: str


PLACES = (
    Place(22, "New York", "New York", "United States", "Americas", "Northern America", "USD"),
    Place(18, "Austin", "Texas", "United States", "Americas", "Northern America", "USD"),
    Place(20, "Portland", "Oregon", "United States", "Americas", "Northern America", "USD"),
    Place(8, "Toronto", "Ontario", "Canada", "Americas", "Northern America", "CAD"),
    Place(11, "London", "England", "United Kingdom", "Europe", "Northern Europe", "GBP"),
    Place(9, "Berlin", "Berlin", "Germany", "Europe", "Western Europe", "EUR"),
    Place(6, "Lyon", "Auvergne-Rhone-Alpes", "France", "Europe", "Western Europe", "EUR"),
    Place(6, "Bengaluru", "Karnataka", "India", "Asia", "Southern Asia", "USD"),
)
USD_PER_UNIT = {"USD": Decimal(1), "EUR": Decimal("1.08"), "GBP": Decimal("1.27"), "CAD": Decimal("0.73")}


@dataclass(frozen=True, slots=True)
class Hardware:
    """A kind of device."""

    weight: int
    category: str
    brand: str
    model: str
    system: str
    version: str
    browser: str


HARDWARE = (
    Hardware(26, "desktop", "(not set)", "(not set)", "Windows", "11", "Chrome"),
    Hardware(12, "desktop", "Apple", "(not set)", "Macintosh", "15.5", "Safari"),
    Hardware(6, "desktop", "(not set)", "(not set)", "Windows", "10", "Edge"),
    Hardware(28, "mobile", "Apple", "iPhone", "iOS", "18.4", "Safari"),
    Hardware(22, "mobile", "Samsung", "SM-S921B", "Android", "15", "Chrome"),
    Hardware(6, "tablet", "Apple", "iPad", "iOS", "18.4", "Safari"),
)

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
    rule: source_rule of a page_view with `collected_traffic_source`; plain_rule: of one without (the 2021 schema and
    streamed events); url_rule: of a first_visit, which carries the page's address and no more (None: it shows nothing).
    query: the landing page's query string, {click} the click id; click: the click id's name.
    params: source, medium and campaign in event_params (or a streamed event's fields); collected: in GA4's
    collected_traffic_source too.
    """

    name: str
    acquire: int
    comeback: int
    buy: int
    source: str
    medium: str
    campaign: str
    rule: str
    plain_rule: str
    url_rule: str | None = None
    query: str = ""
    click: str | None = None
    ads_campaign: str | None = None
    referrer: str | None = None
    params: Tags | None = None
    collected: bool = False

    @property
    def is_direct(self) -> bool:
        """Whether the visit has no evidence of a source."""
        return self.rule == "direct"


def _click(  # noqa: PLR0913 -- a row of the table below
    name: str,
    weights: tuple[int, int, int],
    click: str,
    expected: Tags,
    *,
    ads: str | None = None,
    params: Tags | None = None,
) -> Touch:
    """A click id with no paid tag beside it: the id alone decides, whatever the parameters say."""
    source, medium, campaign = expected
    query = f"gad_source=1&gad_campaignid={ads}&{click}={{click}}" if ads else f"{click}={{click}}"
    return Touch(
        name, *weights, source, medium or NOT_SET, campaign or NOT_SET, "click_id", "click_id", "click_id",
        query=query, click=click, ads_campaign=ads, params=params,
    )  # fmt: skip


def _campaign(  # noqa: PLR0913 -- a row of the table below
    name: str, weights: tuple[int, int, int], tags: Tags, *, click: str | None = None, paid_click: bool = False,
    bare: bool = False, utm: str | None = None,
) -> Touch:  # fmt: skip
    """A tagged link. bare: its tags stand in the page's address alone; paid_click: a paid tag beside a click id."""
    source, medium, campaign = tags
    utm = utm or "&".join(
        f"utm_{key}={value}" for key, value in zip(("source", "medium", "campaign"), tags, strict=True) if value
    )
    rules = ("collected_traffic_source", "event_params", "utm")
    if paid_click:
        rules = ("click_id_utm",) * 3
    elif bare:
        rules = ("utm",) * 3
    return Touch(
        name, *weights, source, medium or NOT_SET, campaign or NOT_SET, rules[0], rules[1], rules[2],
        query=utm + (f"&{click}={{click}}" if click else ""), click=click, params=None if bare else tags,
        collected=not bare,
    )  # fmt: skip


def _param(name: str, weights: tuple[int, int, int], tags: Tags, referrer: str | None, *, collected: bool) -> Touch:
    """GA4's own reading of a referrer, in the parameters."""
    source, medium, campaign = tags
    rule = "collected_traffic_source" if collected else "event_params"
    return Touch(
        name, *weights, source, medium or NOT_SET, campaign or NOT_SET, rule, "event_params",
        referrer=referrer, params=tags, collected=collected,
    )  # fmt: skip


def _referrer(name: str, weights: tuple[int, int, int], url: str, expected: Tags, query: str = "") -> Touch:
    source, medium, _ = expected
    click = "fbclid" if query else None
    return Touch(
        name, *weights, source, medium or NOT_SET, NOT_SET, "referrer",
        "referrer", query=query, click=click, referrer=url,
    )  # fmt: skip


def _direct(name: str, weights: tuple[int, int, int], url: str | None = None, tags: Tags | None = None) -> Touch:
    return Touch(name, *weights, "(direct)", "(none)", NOT_SET, "direct", "direct", referrer=url, params=tags)


_GOOGLE_CPC: Tags = ("google", "cpc", None)
_GOOGLE_ORGANIC: Tags = ("google", "organic", "(organic)")

TOUCHES = (
    _click("Google Ads, brand", (8, 10, 40), "gclid", _GOOGLE_CPC, ads="21345678901"),
    _click("Google Ads, misread", (10, 4, 20), "gclid", _GOOGLE_CPC, ads="21345678902", params=_GOOGLE_ORGANIC),
    _click("Google Ads, app", (2, 3, 25), "gbraid", _GOOGLE_CPC, ads="21345678903"),
    _click("Google Ads, iOS", (3, 2, 25), "wbraid", _GOOGLE_CPC, ads="21345678904"),
    _click("Campaign Manager display", (3, 4, 8), "dclid", _GOOGLE_CPC),
    _campaign("Google Ads, tagged", (4, 3, 25), ("google", "cpc", "pmax_spring"), click="gclid", paid_click=True),
    _click("Microsoft Ads", (3, 2, 25), "msclkid", ("bing", "cpc", None)),
    _campaign("Microsoft Ads, tagged", (2, 2, 30), ("bing", "cpc", "brand_bing"), click="msclkid", paid_click=True),
    _click("Google free listings", (5, 4, 28), "srsltid", ("google", "organic", "Shopping Free Listings")),
    _param("Google search", (16, 10, 20), _GOOGLE_ORGANIC, "https://www.google.com/", collected=True),
    _referrer("Google search, untagged", (6, 4, 20), "https://www.google.com/", _GOOGLE_ORGANIC),
    _referrer("Bing search", (3, 2, 20), "https://www.bing.com/search?q=rain+shell", ("bing", "organic", None)),
    _referrer("DuckDuckGo search", (2, 2, 20), "https://duckduckgo.com/", ("duckduckgo", "organic", None)),
    _campaign("Facebook ad", (10, 4, 12), ("facebook", "paid_social", "spring_launch"), click="fbclid"),
    _referrer(
        "Facebook post", (4, 2, 10), "https://l.facebook.com/", ("l.facebook.com", "referral", None), "fbclid={click}"
    ),
    _campaign("Instagram bio", (4, 3, 14), ("instagram", "social", "bio_link")),
    _referrer("X post", (3, 2, 10), "https://t.co/Ab3dE", ("t.co", "referral", None)),
    _campaign("Newsletter", (2, 13, 45), ("newsletter", "email", "weekly_digest")),
    _campaign(
        "Abandoned-cart e-mail", (0, 8, 70), ("crm", "email", "abandoned cart"), bare=True,
        utm="utm_source=crm&utm_medium=email&utm_campaign=abandoned%20cart",
    ),
    _campaign("Affiliate", (4, 3, 35), ("awin", "affiliate", "partner_network")),
    _campaign("ChatGPT", (3, 2, 25), ("chatgpt.com", None, None), bare=True),
    _referrer("Perplexity", (2, 1, 25), "https://www.perplexity.ai/", ("perplexity.ai", "referral", None)),
    _param(
        "Gemini", (1, 1, 25), ("gemini.google.com", "ai-assistant", "(ai-assistant)"), "https://gemini.google.com/",
        collected=False,
    ),
    _param(
        "Outdoor blog", (5, 2, 22), ("outdoor-blog.example", "referral", "(referral)"), "https://outdoor-blog.example/",
        collected=False,
    ),
    _referrer("Reviews", (4, 2, 30), "https://www.gearreviews.example/best", ("gearreviews.example", "referral", None)),
    _campaign("Text message", (1, 3, 35), ("sms", "sms", "flash_sale")),
    _campaign("Podcast", (2, 1, 18), ("podcast", "audio", "host_read")),
    _campaign("Push message", (0, 2, 25), ("pushservice", "push", "back_in_stock")),
    _param("Unknown to GA4", (2, 1, 18), ("<Other>", "<Other>", "<Other>"), None, collected=False),
    _direct("Typed or bookmarked", (13, 28, 26)),
    _direct("Typed, GA4 says so", (3, 4, 26), tags=("(direct)", "(none)", "(direct)")),
    _direct("Back in an open tab", (0, 5, 30), f"https://{CHECKOUT}/cart", (CHECKOUT, "referral", "(referral)")),
    _direct(
        "Back from the payment page", (0, 3, 30), f"https://www.{GATEWAY}/", (GATEWAY, "referral", "(referral)")
    ),
)  # fmt: skip
