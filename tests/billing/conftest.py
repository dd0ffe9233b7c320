from collections.abc import Iterator
from typing import Any

import pytest

from billing.gateway import gopay
from tests import gopay_stub


@pytest.fixture
def stub(settings: Any) -> Iterator[gopay_stub.GoPayStub]:
    """GoPay, as far as this house can see."""
    with gopay_stub.serve() as running:
        settings.PAYMENT_GATEWAY = "gopay"
        settings.GOPAY_GATEWAY_URL = running.url
        settings.GOPAY_GOID = gopay_stub.GOID
        settings.GOPAY_CLIENT_ID = gopay_stub.CLIENT_ID
        settings.GOPAY_CLIENT_SECRET = gopay_stub.CLIENT_SECRET
        settings.GOPAY_TIMEOUT_S = 30.0
        settings.PUBLIC_URL = "https://chargeshare.example"
        gopay.tokens.clear()
        yield running
