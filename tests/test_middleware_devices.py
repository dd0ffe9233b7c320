"""On which devices somebody is logged in: told to her, and not written with every page."""

from allauth.usersessions.models import UserSession
from django.db import connection
from django.test.utils import CaptureQueriesContext


def test_device_is_noted_once_in_a_while(client, driver):
    client.force_login(driver)
    client.get("/wallet/")
    noted = UserSession.objects.get(user=driver)
    with CaptureQueriesContext(connection) as asked:
        for _page in range(3):
            client.get("/wallet/")
    assert not [one for one in asked.captured_queries if "usersessions" in one["sql"] or one["sql"].startswith(("INSERT", "UPDATE"))]
    assert UserSession.objects.get(user=driver).last_seen_at == noted.last_seen_at


def test_another_browser_or_address_is_noted_at_once(client, driver):
    client.force_login(driver)
    client.get("/wallet/", headers={"user-agent": "one"})
    client.get("/wallet/", headers={"user-agent": "another"})
    assert UserSession.objects.get(user=driver).user_agent == "another"


def test_what_was_ended_elsewhere_is_logged_out(client, driver):
    client.force_login(driver)
    client.get("/wallet/")
    UserSession.objects.get(user=driver).end()
    assert client.get("/wallet/").status_code == 302
