"""The platform's hosts.

Source: PageSense spec, section 2.1.
"""

from __future__ import annotations

from typing import Final

DATA_CENTERS: Final = {
    "US": "pagesense-collect.zoho.com",
    "EU": "pagesense-collect.zoho.eu",
    "IN": "pagesense-collect.zoho.in",
    "SA": "pagesense-collect.zoho.sa",
    "JP": "pagesense-collect.zoho.jp",
    "AU": "pagesense-collect.zoho.com.au",
    "CN": "pagesense-collect.zoho.com.cn",
    "CA": "pagesense-collect.zohocloud.ca",
    "UAE": "pagesense-collect.zoho.ae",
    "INEC": "pagesense-collect.zohohq.in",
    "SG": "pagesense-collect.zoho.sg",
    "UK": "pagesense-collect.zoho.co.uk",
}
"""The host of each data center, by the name that follows the account in an account id."""
