"""Pages of owners: every one opens, does what its button says, and exists for nobody else."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import IdToken
from billing.models import Tariff
from ocpp_core import frame_log, frames
from ocpp_core.models import ConfigurationKey, ConnectionAttempt
from stations import charge_points, pairing
from stations.models import ChargePoint, ChargingSession, Command, Invitation
from tests import factories
from tests.stations.acting import begin, go_online, session_of, stop

PAGES = ["owner_charge_point", "owner_edit", "owner_retire"]
DOOR_PAGES = ["connection", "messages", "configuration"]
DEEDS = ["owner_ask", "owner_publish", "owner_pause", "owner_new_password", "owner_invite"]


@pytest.fixture
def client(client, owner):
    client.force_login(owner)
    return client


@pytest.fixture
def finished(charge_point, driver):
    factories.make_id_token(driver, "04ABCD12")
    started = begin(charge_point, "04ABCD12", meter=1000, at=timezone.now() - timedelta(minutes=50))
    stop(charge_point, started.transaction_id, meter=9000, at=timezone.now())
    return session_of(started)


def page(client, name, *args, **query):
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200, (name, answer.status_code)
    return answer.content.decode()


# Who may see them


@pytest.mark.parametrize("name", [*(f"stations:{one}" for one in PAGES), *(f"ocpp_core:{one}" for one in DOOR_PAGES)])
def test_pages_of_a_charger_are_its_owners(client, charge_point, stranger, staff, name):
    url = reverse(name, args=[charge_point.code])
    assert client.get(url).status_code == 200
    client.force_login(stranger)
    assert client.get(url).status_code == 404
    client.force_login(staff)
    assert client.get(url).status_code == 200
    client.logout()
    assert client.get(url).status_code == 302
    assert "login" in client.get(url)["Location"]


@pytest.mark.parametrize("name", DEEDS)
def test_deeds_are_the_owners(client, charge_point, stranger, name):
    client.force_login(stranger)
    assert client.post(reverse(f"stations:{name}", args=[charge_point.code]), {"deed": "reset"}).status_code == 404
    assert not Command.objects.exists()


@pytest.mark.parametrize("name", DEEDS)
def test_deeds_are_posted(client, charge_point, name):
    assert client.get(reverse(f"stations:{name}", args=[charge_point.code])).status_code == 405


def test_codes_that_name_nothing(client):
    for code in ("nothing", "%00", "A" * 200):
        assert client.get(f"/owner/{code}/").status_code == 404
        assert client.get(f"/owner/{code}/messages/").status_code == 404


# The overview


def test_overview_of_nothing_says_what_to_do(client, owner):
    assert reverse("stations:register") in page(client, "stations:owner")


@pytest.mark.parametrize("period", ["week", "month", "year", "nonsense"])
def test_overview_counts_what_came_in(client, finished, period):
    text = page(client, "stations:owner", period=period)
    assert "46.80\N{NO-BREAK SPACE}Kč" in text  # 8 kWh at 6.50 less the fee of 10 %
    assert "<rect" in text
    assert "style=" not in text


def test_overview_lists_what_needs_the_owner(client, charge_point, owner):
    fresh = factories.make_charge_point(owner, published=False, connectors=0, name="Nová")
    text = page(client, "stations:owner")
    assert reverse("ocpp_core:connection", args=[fresh.code]) in text


def test_overview_costs_the_same_queries_however_many(client, owner, tariff, django_assert_max_num_queries):
    for _ in range(6):
        factories.make_charge_point(owner, tariff=tariff, connectors=2)
    page(client, "stations:owner")
    with django_assert_max_num_queries(22):
        page(client, "stations:owner")


def test_driver_is_a_first_name(client, finished, driver):
    for text in (page(client, "stations:owner_sessions"), page(client, "stations:owner_charge_point", finished.charge_point.code)):
        assert "Tereza" in text
        assert "Malá" not in text
        assert driver.email not in text
        assert "04ABCD12" not in text


def test_sessions_are_filtered(client, finished, owner, tariff):
    other = factories.make_charge_point(owner, tariff=tariff)
    assert "Tereza" in page(client, "stations:owner_sessions", charger=finished.charge_point.code, status="COMPLETED")
    assert "Tereza" not in page(client, "stations:owner_sessions", charger=other.code)
    assert "Tereza" not in page(client, "stations:owner_sessions", status="ACTIVE")
    assert "Tereza" in page(client, "stations:owner_sessions", status="nonsense", page="x", charger="\x01")


# Registering


def register(client, **make):
    client.post(reverse("stations:register"), {"name": "U Nováků", "access": "public"})
    client.post(reverse("stations:register_place"), {"latitude": "49.93871234567", "longitude": "17.9026", "address": "Rolnická 41"})
    return client.post(reverse("stations:register_make"), {"make": "go-e", **make}, follow=True)


def test_wizard_registers_and_shows_the_password_once(client, owner):
    answer = register(client)

    made = ChargePoint.objects.get()
    assert (made.name, made.address, made.make, made.owner) == ("U Nováků", "Rolnická 41", "go-e", owner)
    text = answer.content.decode()
    password = answer.context["password"]
    assert charge_points.password_matches(made, password.encode())
    assert password in text
    assert made.identity in text
    assert 'aria-disabled="true"' in text  # next is off until the charger has reported
    assert password not in page(client, "ocpp_core:connection", made.code)
    assert "Cache-Control" in answer.headers


def test_wizard_without_a_password(client):
    answer = register(client, without_password="on", identity="OLD-BOX")
    made = ChargePoint.objects.get()
    assert made.security_profile == 0
    assert made.identity == "OLD-BOX"
    assert made.path_secret in answer.content.decode()


def test_wizard_says_what_is_wrong(client, charge_point):
    assert client.post(reverse("stations:register"), {"name": "", "access": "public"}).context["form"].errors["name"]
    client.post(reverse("stations:register"), {"name": "A", "access": "public"})
    place = reverse("stations:register_place")
    for wrong in ({"latitude": "91", "longitude": "0"}, {"latitude": "x", "longitude": "0"}, {"latitude": "nan", "longitude": "0"}, {}):
        assert client.post(place, wrong).context["form"].errors
    client.post(place, {"latitude": "50", "longitude": "17"})
    make = reverse("stations:register_make")
    assert client.post(make, {"make": "tesla"}).context["form"].errors["make"]
    assert client.post(make, {"make": "other", "identity": "with space"}).context["form"].errors["identity"]
    assert client.post(make, {"make": "other", "identity": charge_point.identity.lower()}).context["form"].errors["identity"]
    assert ChargePoint.objects.count() == 1


def test_wizard_can_be_left_and_taken_up(client):
    assert client.get(reverse("stations:register_make")).status_code == 302
    client.post(reverse("stations:register"), {"name": "Later", "access": "members"})
    assert "Later" in page(client, "stations:register")
    page(client, "stations:register_place")


# Connecting


def test_connection_log_says_why_it_was_refused(client, charge_point):
    now = timezone.now()
    ConnectionAttempt.objects.create(
        charge_point=charge_point,
        identity="X",
        outcome="wrong_password",
        detail="19 < 20",
        first_at=now,
        at=now,
        address="203.0.113.24",
        times=3,
    )
    text = page(client, "ocpp_core:connection", charge_point.code)
    assert "log__line--alert" in text
    assert "19 &lt; 20" in text
    assert "3×" in text


def test_next_is_on_once_the_charger_reported(client, owner):
    fresh = factories.make_charge_point(owner, published=False)
    ChargePoint.objects.filter(pk=fresh.pk).update(booted_at=timezone.now(), vendor="<b>go-e</b>")
    text = page(client, "ocpp_core:connection", fresh.code)
    assert reverse("stations:owner_connector", args=[fresh.code, 1]) in text
    assert 'aria-disabled="true"' not in text
    assert "<b>go-e" not in text


def test_new_password_is_shown_once(client, charge_point):
    shown = client.post(reverse("stations:owner_new_password", args=[charge_point.code]))["Location"]
    assert client.get(shown, headers={"X-Look": "again"}).context["password"] is None
    password = client.get(shown).context["password"]
    charge_point.refresh_from_db()
    assert charge_points.password_matches(charge_point, password.encode())
    assert charge_points.password_matches(charge_point, factories.CHARGER_PASSWORD.encode())
    assert password not in page(client, "ocpp_core:connection", charge_point.code)


# Running a charger


def ask(client, charge_point, **said):
    return client.post(reverse("stations:owner_ask", args=[charge_point.code]), said)


@pytest.mark.parametrize(
    ("said", "action", "payload"),
    [
        ({"deed": "reset"}, "Reset", {"type": "Soft"}),
        ({"deed": "reset_hard"}, "Reset", {"type": "Hard"}),
        ({"deed": "unlock", "connector": "1"}, "UnlockConnector", {"connectorId": 1}),
        ({"deed": "operative"}, "ChangeAvailability", {"connectorId": 0, "type": "Operative"}),
        ({"deed": "inoperative", "connector": "1"}, "ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}),
        ({"deed": "ask_state"}, "TriggerMessage", {"requestedMessage": "StatusNotification"}),
    ],
)
def test_buttons_ask_the_charger(client, charge_point, owner, said, action, payload):
    go_online(charge_point)
    assert ask(client, charge_point, **said).status_code == 302
    command = Command.objects.get()
    assert (command.action, command.payload, command.asked_by) == (action, payload, owner)
    page(client, "stations:owner_charge_point", charge_point.code)
    page(client, "ocpp_core:console", charge_point.code)


@pytest.mark.parametrize(
    "said", [{"deed": "explode"}, {}, {"deed": "unlock"}, {"deed": "unlock", "connector": "9" * 30}, {"deed": "stop", "session": "x"}]
)
def test_buttons_that_do_not_exist(client, charge_point, said):
    go_online(charge_point)
    assert ask(client, charge_point, **said).status_code == 404
    assert not Command.objects.exists()


def test_owner_charges_her_own_car_and_stops_it(client, charge_point, owner):
    go_online(charge_point)
    answer = ask(client, charge_point, deed="start", connector="1")
    session = ChargingSession.objects.get()
    assert answer["Location"] == session.get_absolute_url()
    assert (session.driver, session.is_free) == (owner, True)


def test_owner_stops_a_guest(client, charge_point, driver):
    go_online(charge_point)
    factories.make_id_token(driver, "04ABCD12")
    session = session_of(begin(charge_point, "04ABCD12"))
    ask(client, charge_point, deed="stop", session=session.pk)
    assert Command.objects.get().payload == {"transactionId": session.transaction_id}
    assert "button--stop" in page(client, "stations:owner_charge_point", charge_point.code)


def test_refusal_is_a_message(client, charge_point):
    answer = client.post(reverse("stations:owner_ask", args=[charge_point.code]), {"deed": "start", "connector": "1"}, follow=True)
    assert [str(message) for message in answer.context["messages"]]


def test_publish_pause_and_retire(client, owner, tariff):
    one = factories.make_charge_point(owner, published=False)
    publish = reverse("stations:owner_publish", args=[one.code])
    client.post(publish, {"published": "true"})
    assert not ChargePoint.objects.get(pk=one.pk).is_published

    ChargePoint.objects.filter(pk=one.pk).update(booted_at=timezone.now())
    connector = reverse("stations:owner_connector", args=[one.code, 1])
    page(client, "stations:owner_connector", one.code, 1)
    client.post(connector, {"type": "TYPE_2", "power_kw": "11", "tariff": tariff.pk})
    client.post(publish, {"published": "true"})
    assert ChargePoint.objects.get(pk=one.pk).is_published

    client.post(reverse("stations:owner_pause", args=[one.code]), {"paused": "true"})
    assert ChargePoint.objects.get(pk=one.pk).is_paused

    client.post(publish, {"published": "false"})
    client.post(reverse("stations:owner_retire", args=[one.code]))
    retired = ChargePoint.objects.get(pk=one.pk)
    assert (retired.is_published, retired.is_retired) == (False, True)
    assert client.get(reverse("stations:owner_charge_point", args=[one.code])).status_code == 404


def test_connector_with_a_new_price(client, owner):
    one = factories.make_charge_point(owner, published=False)
    url = reverse("stations:owner_connector", args=[one.code, 1])
    for wrong in (
        {"type": "TYPE_2", "power_kw": "11"},
        {"type": "TYPE_2", "power_kw": "0", "price_per_kwh": "5"},
        {"type": "PLUG", "power_kw": "11", "price_per_kwh": "5"},
        {"type": "TYPE_2", "power_kw": "11", "price_per_kwh": "-1"},
        {"type": "TYPE_2", "power_kw": "11", "price_per_kwh": "1e9"},
        {"type": "TYPE_2", "power_kw": "NaN", "price_per_kwh": "5"},
    ):
        assert client.post(url, wrong).context["form"].errors
    assert not Tariff.objects.exists()
    client.post(url, {"type": "TYPE_2", "power_kw": "7.4", "price_per_kwh": "5.9", "session_fee": "10"})
    connector = one.connectors.get()
    assert (connector.type, connector.max_power_w) == ("TYPE_2", 7400)
    assert connector.tariff is not None
    assert connector.tariff.current is not None
    assert str(connector.tariff.current.price_per_kwh) == "5.9000"


def test_foreign_tariff_is_no_choice(client, owner, stranger):
    one = factories.make_charge_point(owner, published=False)
    theirs = factories.make_tariff(stranger)
    answer = client.post(reverse("stations:owner_connector", args=[one.code, 1]), {"type": "TYPE_2", "power_kw": "11", "tariff": theirs.pk})
    assert answer.context["form"].errors["tariff"]


def test_edit(client, charge_point):
    url = reverse("stations:owner_edit", args=[charge_point.code])
    said = {
        "name": "New",
        "description": "<script>",
        "access": "private",
        "latitude": "50",
        "longitude": "17",
        "address": "There",
        "make": "abb",
    }
    assert client.post(url, said).status_code == 302
    charge_point.refresh_from_db()
    assert (charge_point.name, charge_point.access, charge_point.make, charge_point.auto_configure) == ("New", "private", "abb", False)
    assert "<script>\n" not in page(client, "stations:owner_edit", charge_point.code)
    assert client.post(url, {**said, "latitude": "1000"}).context["form"].errors["latitude"]


def test_invitations(client, charge_point, stranger):
    ChargePoint.objects.filter(pk=charge_point.pk).update(access="private")
    url = reverse("stations:owner_invite", args=[charge_point.code])
    client.post(url, {"email": stranger.email.upper()})
    assert Invitation.objects.get().user == stranger
    assert stranger.email in page(client, "stations:owner_charge_point", charge_point.code)
    client.post(url, {"email": "nobody@example.com"})
    client.post(url, {"email": "no address"})
    assert Invitation.objects.count() == 1
    client.post(reverse("stations:owner_uninvite", args=[charge_point.code, Invitation.objects.get().pk]))
    assert not Invitation.objects.exists()


# The log of frames


def keep(charge_point, direction, kind, message_id, action, raw, answered_in_ms=None):
    frame_log.write([frame_log.row(charge_point.pk, timezone.now(), direction, kind, message_id, action, raw, answered_in_ms)])


def test_messages_pair_requests_with_answers(client, charge_point):
    keep(charge_point, "from_charger", "call", "1", "Heartbeat", frames.call("1", "Heartbeat", {}))
    keep(charge_point, "to_charger", "result", "1", "Heartbeat", frames.result("1", {"currentTime": "2026-01-01T00:00:00Z"}), 4)
    keep(charge_point, "to_charger", "call", "1", "UnlockConnector", frames.call("1", "UnlockConnector", {"connectorId": 1}))
    keep(charge_point, "from_charger", "result", "1", "UnlockConnector", frames.result("1", {"status": "UnlockFailed"}), 388)
    vendor = {"chargePointVendor": "<img src=x onerror=alert(1)>", "chargePointModel": "{{7*7}}"}
    keep(charge_point, "from_charger", "call", "2", "BootNotification", frames.call("2", "BootNotification", vendor))
    answer = client.get(reverse("ocpp_core:messages", args=[charge_point.code]))
    boot, unlock, heartbeat = answer.context["exchanges"]

    assert boot.answer is None
    assert (unlock.answer.answered_in_ms, unlock.is_refused) == (388, True)
    assert (heartbeat.answer.answered_in_ms, heartbeat.is_refused) == (4, False)
    text = answer.content.decode()
    assert "<img src=x" not in text
    assert "{{7*7}}" in text
    assert "388 ms" in text


def test_messages_are_filtered_and_paged(client, charge_point):
    for number in range(45):
        keep(charge_point, "from_charger", "call", str(number), "Heartbeat", frames.call(str(number), "Heartbeat", {}))
    keep(charge_point, "to_charger", "call", "r", "Reset", frames.call("r", "Reset", {"type": "Hard"}))
    url = reverse("ocpp_core:messages", args=[charge_point.code])

    def shown(**query):
        return client.get(url, query).context["exchanges"]

    assert len(shown()) == 40
    assert len(shown(before=client.get(url).context["older"])) == 6
    assert [one.frame.action for one in shown(action="Reset")] == ["Reset"]
    assert [one.frame.action for one in shown(direction="to_charger")] == ["Reset"]
    assert [one.frame.action for one in shown(q="hard")] == ["Reset"]
    assert len(shown(before="x", direction="y")) == 40


def test_messages_cost_the_same_queries_however_many(client, charge_point, django_assert_max_num_queries):
    for number in range(30):
        keep(charge_point, "from_charger", "call", str(number), "Heartbeat", frames.call(str(number), "Heartbeat", {}))
        keep(charge_point, "to_charger", "result", str(number), "Heartbeat", frames.result(str(number), {}), 3)
    with django_assert_max_num_queries(22):
        page(client, "ocpp_core:messages", charge_point.code)


def test_configuration_hides_passwords(client, charge_point):
    for key, value in (("HeartbeatInterval", "300"), ("AuthorizationKey", "0123456789abcdef")):
        ConfigurationKey.objects.create(charge_point=charge_point, key=key, value=value, read_at=timezone.now())
    text = page(client, "ocpp_core:configuration", charge_point.code)
    assert "300" in text
    assert "0123456789abcdef" not in text


# Pairing a card


def test_pair_by_tapping(client, charge_point, owner):
    go_online(charge_point)
    answer = client.post(reverse("stations:pair_card"), {"charge_point": charge_point.code, "label": "Blue"}, follow=True)
    assert answer.context["is_open"]
    assert "data-countdown" in answer.content.decode()
    pairing.tap(charge_point, "04 AA BB CC")
    waiting = answer.redirect_chain[-1][0]
    assert client.get(waiting).context["card"] == IdToken.objects.get(user=owner)
    assert "Blue" in client.get(waiting).content.decode()


def test_pairing_of_anothers_card_changes_nothing(client, charge_point, stranger):
    go_online(charge_point)
    factories.make_id_token(stranger, "04AABBCC")
    answer = client.post(reverse("stations:pair_card"), {"charge_point": charge_point.code}, follow=True)
    pairing.tap(charge_point, "04AABBCC")
    shown = client.get(answer.redirect_chain[-1][0])
    assert shown.context["card"] is None
    assert not shown.context["is_open"]


def test_pairing_runs_out_and_is_mine_alone(client, charge_point, stranger):
    go_online(charge_point)
    answer = client.post(reverse("stations:pair_card"), {"charge_point": charge_point.code}, follow=True)
    waiting = answer.redirect_chain[-1][0]
    client.force_login(stranger)
    assert client.get(waiting).status_code == 302


def test_pairing_needs_a_connected_charger(client, charge_point):
    assert 'name="charge_point"' not in page(client, "stations:pair_card")
    assert client.post(reverse("stations:pair_card"), {"charge_point": charge_point.code}).context["form"].errors


@pytest.mark.parametrize("language", ["cs", "en"])
def test_pages_speak_both_languages(client, charge_point, language, finished):
    client.cookies["django_language"] = language
    for name in ("owner", "owner_charge_points", "owner_sessions", "register"):
        page(client, f"stations:{name}")
