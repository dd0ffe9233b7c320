"""What every answer carries."""

from django.test import Client


def test_pages_ask_the_device_for_the_place_alone(client: Client, db: None) -> None:
    for path in ("/", "/accounts/login/", "/api/v1/charge-points/", "/nothing/"):
        said = client.get(path)["Permissions-Policy"]
        assert "geolocation=(self)" in said
        assert "camera=()" in said
