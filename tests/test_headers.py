"""What every page tells the browser about what it may do."""

import pytest


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/nothing/"])
def test_pages_bind_the_browser(client, path):
    headers = client.get(path).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "geolocation=(self)" in headers["Permissions-Policy"]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.django_db
def test_texts_travel_compressed_and_nothing_else_does(client):
    pressed = client.get("/accounts/login/", headers={"accept-encoding": "gzip"})
    assert pressed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in pressed.headers["Vary"]
    assert len(pressed.content) < len(client.get("/accounts/login/").content) / 2
    assert "Content-Encoding" not in client.get("/accounts/login/").headers
    assert "Content-Encoding" not in client.get("/healthz", headers={"accept-encoding": "gzip"}).headers
