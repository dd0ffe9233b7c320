"""What every answer carries."""

import pytest
from django.test import Client

from accounts.models import User


def test_pages_ask_the_device_for_the_place_alone(client: Client, db: None) -> None:
    for path in ("/", "/accounts/login/", "/api/v1/charge-points/", "/nothing/"):
        said = client.get(path)["Permissions-Policy"]
        assert "geolocation=(self)" in said
        assert "camera=()" in said


@pytest.mark.parametrize("query", ["q=%00", "q=a%00b", "status=%00", "%00"])
def test_a_question_with_a_nul_is_refused(client: Client, staff: User, query: str) -> None:
    client.force_login(staff)
    for path in ("/", "/sessions/", "/owner/", "/admin/stations/chargepoint/", "/accounts/login/"):
        assert client.get(f"{path}?{query}").status_code == 400
    assert client.get(f"/api/v1/charge-points/?{query}").status_code in (200, 400)
    assert client.get("/?q=%ff").status_code == 200
