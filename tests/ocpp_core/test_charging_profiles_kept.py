"""What we know of the profiles in a box: learnt from its answers, given to sessions, forgotten with them; its page and its API."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from chargeshare.housekeeping import run_due
from ocpp_core import answers, vendors
from ocpp_core.charging_profiles import kept
from ocpp_core.models import ChargingProfile, CompositeSchedule, ConfigurationKey
from stations import charge_points, commands, sessions
from stations.models import ChargePoint, ChargingSession, Command
from tests import factories
from tests.stations.acting import begin, go_online, stop

CARD = "04A1B2C3"
ACCEPTED = {"status": "Accepted"}


@pytest.fixture
def card(driver):
    return factories.make_id_token(driver, CARD).uid


def profile(number=1, purpose="TxDefaultProfile", level=0, limit=16, **more):
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]}
    return {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
        **more,
    }


def took(charge_point, connector=1, status="Accepted", **said):
    answers.learn(
        charge_point.pk, "SetChargingProfile", {"connectorId": connector, "csChargingProfiles": profile(**said)}, {"status": status}
    )


def numbers(charge_point):
    return [row.profile_id for row in ChargingProfile.objects.filter(charge_point=charge_point).order_by("profile_id")]


# Learning


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        ({"number": 1}, {"number": 1, "level": 3}, [1]),
        ({"number": 1}, {"number": 1, "connector": 0, "purpose": "ChargePointMaxProfile"}, [1]),
        ({"number": 1}, {"number": 2}, [2]),
        ({"number": 1}, {"number": 2, "level": 1}, [1, 2]),
        ({"number": 1}, {"number": 2, "connector": 2}, [1, 2]),
        ({"number": 1, "connector": 0}, {"number": 2, "connector": 0, "purpose": "ChargePointMaxProfile"}, [1, 2]),
    ],
)
def test_which_profile_takes_the_place_of_which(charge_point, first, second, left):
    took(charge_point, **first)
    took(charge_point, **second)
    assert numbers(charge_point) == left


@pytest.mark.parametrize("status", ["Rejected", "NotSupported", "accepted?", None])
def test_what_was_refused_is_not_held(charge_point, status):
    took(charge_point, status=status)
    assert numbers(charge_point) == []


@pytest.mark.parametrize("status", ["Accepted", "Unknown"])
@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ({}, []),
        ({"id": 2}, [1, 3, 4]),
        ({"id": 2, "connectorId": 0}, [1, 3, 4]),
        ({"id": 9}, [1, 2, 3, 4]),
        ({"id": 10**30}, [1, 2, 3, 4]),
        ({"connectorId": 1}, [1, 4]),
        ({"connectorId": 0}, [2, 3, 4]),
        ({"chargingProfilePurpose": "TxDefaultProfile"}, [1]),
        ({"stackLevel": 1}, [1, 2, 4]),
        ({"connectorId": 2, "stackLevel": 1}, [1, 2, 3, 4]),
    ],
)
def test_what_is_cleared_is_gone_and_so_is_what_the_box_does_not_know(charge_point, asked, left, status):
    took(charge_point, connector=0, number=1, purpose="ChargePointMaxProfile")
    took(charge_point, number=2)
    took(charge_point, number=3, level=1)
    took(charge_point, connector=2, number=4)
    answers.learn(charge_point.pk, "ClearChargingProfile", asked, {"status": status})
    assert numbers(charge_point) == left


def test_a_refused_clearing_clears_nothing(charge_point):
    took(charge_point)
    answers.learn(charge_point.pk, "ClearChargingProfile", {}, {"status": "Rejected"})
    assert numbers(charge_point) == [1]


def test_numbers_no_table_holds_are_left_alone(charge_point):
    took(charge_point, number=10**30)
    took(charge_point, connector=-1)
    assert numbers(charge_point) == []


def test_everything_of_a_profile_is_kept_and_by_which_command(charge_point, owner):
    go_online(charge_point)
    said = profile(7, level=2, validFrom="2026-01-01T00:00:00Z", validTo="2026-02-01T00:00:00Z", recurrencyKind="Daily")
    command = commands.ask(charge_point, "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": said}, asked_by=owner)
    claimed = commands.claim(command.pk)
    assert claimed is not None
    answers.learn(charge_point.pk, claimed.action, claimed.payload, ACCEPTED)
    row = ChargingProfile.objects.get()
    assert (row.command, row.profile, row.stack_level, row.recurrency) == (command, said, 2, "Daily")
    assert (row.valid_from, row.is_expired, row.is_waiting) == (datetime(2026, 1, 1, tzinfo=UTC), True, False)


def test_a_limit_by_the_clock_is_over_with_its_duration(charge_point):
    begun = timezone.now() - timedelta(hours=2)
    schedule = {"startSchedule": begun.isoformat(), "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]}
    took(charge_point, number=1, chargingProfileKind="Absolute", chargingSchedule={**schedule, "duration": 3600})
    took(charge_point, number=2, level=1, chargingProfileKind="Absolute", chargingSchedule=schedule)
    assert [row.is_expired for row in ChargingProfile.objects.order_by("profile_id")] == [True, False]


# Sessions


def test_the_limit_of_a_session_ends_with_it(charge_point, card):
    started = begin(charge_point, card)
    took(charge_point, number=1, purpose="TxProfile", transactionId=started.transaction_id)
    took(charge_point, number=2, purpose="TxProfile", level=1)
    took(charge_point, number=3)
    assert set(ChargingProfile.objects.filter(purpose="TxProfile").values_list("transaction_id", flat=True)) == {started.transaction_id}
    kept.catch_up(charge_point.pk)
    assert numbers(charge_point) == [1, 2, 3]
    stop(charge_point, started.transaction_id, meter=2000, at=timezone.now())
    kept.catch_up(charge_point.pk)
    assert numbers(charge_point) == [3]


def test_a_limit_that_came_after_the_end_is_not_held(charge_point, card):
    started = begin(charge_point, card)
    stop(charge_point, started.transaction_id, meter=2000, at=timezone.now())
    took(charge_point, number=1, purpose="TxProfile", transactionId=started.transaction_id)
    assert numbers(charge_point) == []


def test_a_limit_of_a_transaction_we_do_not_know_ends_with_the_next_session(charge_point, card):
    took(charge_point, number=1, purpose="TxProfile", transactionId=4_711)
    took(charge_point, number=2, purpose="TxProfile", level=1)
    assert numbers(charge_point) == [1, 2]
    begin(charge_point, card, at=timezone.now())
    kept.catch_up(charge_point.pk)
    assert numbers(charge_point) == []


def asked_to_start(charge_point, tag, *, session=None, connector=1):
    payload = {"idTag": tag, "chargingProfile": profile(9, "TxProfile")}
    if connector is not None:
        payload["connectorId"] = connector
    command = commands.ask(charge_point, "RemoteStartTransaction", payload, session=session)
    Command.objects.filter(pk=command.pk).update(not_before=None)
    return commands.claim(command.pk)


@pytest.mark.parametrize("connector", [1, None])
@pytest.mark.parametrize("is_answered_first", [True, False])
def test_a_profile_in_a_start_waits_for_its_session(charge_point, card, is_answered_first, connector):
    go_online(charge_point)
    command = asked_to_start(charge_point, "04:a1:b2:c3", connector=connector)

    def answer():
        answers.learn(charge_point.pk, command.action, command.payload, ACCEPTED)

    if is_answered_first:
        answer()
        waiting = ChargingProfile.objects.get()
        assert (waiting.is_waiting, waiting.connector_number) == (True, connector)
    started = begin(charge_point, CARD, at=timezone.now())
    if not is_answered_first:
        answer()
    kept.catch_up(charge_point.pk)
    row = ChargingProfile.objects.get()
    assert (row.transaction_id, row.connector_number, row.is_waiting, row.id_tag) == (started.transaction_id, 1, False, "")
    stop(charge_point, started.transaction_id, meter=2000, at=timezone.now())
    kept.catch_up(charge_point.pk)
    assert not ChargingProfile.objects.exists()


def test_a_profile_in_a_start_is_not_given_to_another_card(charge_point, card):
    go_online(charge_point)
    command = asked_to_start(charge_point, "OTHER")
    answers.learn(charge_point.pk, command.action, command.payload, ACCEPTED)
    begin(charge_point, CARD, at=timezone.now())
    kept.catch_up(charge_point.pk)
    assert ChargingProfile.objects.get().is_waiting


def test_a_refused_start_leaves_nothing(charge_point):
    go_online(charge_point)
    command = asked_to_start(charge_point, CARD)
    answers.learn(charge_point.pk, command.action, command.payload, {"status": "Rejected"})
    assert not ChargingProfile.objects.exists()


def test_a_button_starts_with_a_limit(charge_point, driver, connector):
    go_online(charge_point)
    own = profile(9, "TxProfile")
    session = sessions.request_start(driver=driver, connector=connector, charging_profile=own)
    command = session.commands.get()
    assert command.payload == {"connectorId": 1, "idTag": session.id_tag, "chargingProfile": own}
    claimed = commands.claim(command.pk)
    assert claimed is not None
    answers.learn(charge_point.pk, claimed.action, claimed.payload, ACCEPTED)
    started = begin(charge_point, session.id_tag, at=timezone.now())
    kept.catch_up(charge_point.pk)
    assert ChargingProfile.objects.get().transaction_id == started.transaction_id


# Protection


def taken_from(session, *, status=Command.Status.ACCEPTED, response=None):
    """What insisting puts on a charger that does not stop."""
    from stations import limits  # noqa: PLC0415 - where it is made

    command = commands.ask(
        session.charge_point, "SetChargingProfile", limits.no_more_power(session), source=Command.Source.PROTECTION, session=session
    )
    Command.objects.filter(pk=command.pk).update(status=status, response=response)
    return command


def clearings(session):
    return list(Command.objects.filter(session=session, action="ClearChargingProfile").values_list("payload", "source"))


@pytest.mark.parametrize(
    ("status", "response", "is_given_back"),
    [
        ("accepted", ACCEPTED, True),
        ("accepted", {"status": "Rejected"}, False),
        ("unanswered", None, True),
        ("sent", None, True),
        ("rejected", {"code": "NotSupported"}, False),
        ("offline", None, False),
    ],
)
def test_power_taken_for_protection_is_given_back_with_the_end(charge_point, card, status, response, is_given_back):
    go_online(charge_point)
    started = begin(charge_point, card)
    session = ChargingSession.objects.get()
    taken_from(session, status=status, response=response)
    stop(charge_point, started.transaction_id, meter=2000, at=timezone.now())
    assert clearings(session) == ([({"id": started.transaction_id}, "protection")] if is_given_back else [])


def test_power_not_yet_taken_need_not_be(charge_point, card):
    go_online(charge_point)
    started = begin(charge_point, card)
    session = ChargingSession.objects.get()
    command = taken_from(session, status="pending")
    stop(charge_point, started.transaction_id, meter=2000, at=timezone.now())
    assert not Command.objects.filter(pk=command.pk).exists()
    assert clearings(session) == []


def test_the_next_session_gets_its_power_though_no_stop_ever_came(charge_point, card, stranger):
    go_online(charge_point)
    factories.give_credit(stranger, 50_000)
    factories.make_id_token(stranger, "04FFFFFF")
    begin(charge_point, card, at=timezone.now() - timedelta(hours=1))
    session = ChargingSession.objects.get()
    taken_from(session, response=ACCEPTED)
    begin(charge_point, "04FFFFFF", at=timezone.now(), meter=5000)
    assert len(clearings(session)) == 1


def test_closing_by_hand_sends_nothing(charge_point, card, owner):
    go_online(charge_point)
    begin(charge_point, card, at=timezone.now())
    session = ChargingSession.objects.get()
    taken_from(session, response=ACCEPTED)
    sessions.close(user=owner, session=session)
    assert clearings(session) == []


# What the box says


@pytest.mark.parametrize(
    ("response", "schedule"),
    [
        ({"chargingSchedule": None}, None),
        ({}, None),
        ({"chargingSchedule": {"chargingSchedulePeriod": "none"}}, None),
        ({"chargingSchedule": {"chargingSchedulePeriod": [7, {"limit": 1}, {"startPeriod": 0, "limit": "NaN"}]}}, None),
        (
            {
                "chargingSchedule": {
                    "duration": "3600",
                    "chargingRateUnit": "a",
                    "chargingSchedulePeriod": [{"startPeriod": "0", "limit": "16.0"}],
                }
            },
            {"duration": 3600, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}]},
        ),
        (
            {"chargingSchedule": {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 4200, "numberPhases": 1}]}},
            {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 4200.0, "numberPhases": 1}]},
        ),
    ],
)
def test_what_a_box_says_it_keeps_to_is_read_with_tolerance(charge_point, response, schedule):
    asked = {"connectorId": 1, "duration": 3600, "chargingRateUnit": "W"}
    for _time in range(2):
        answers.learn(charge_point.pk, "GetCompositeSchedule", asked, {**ACCEPTED, **response})
    assert CompositeSchedule.objects.get().schedule == schedule


def test_a_refused_question_leaves_the_last_answer(charge_point):
    asked = {"connectorId": 1, "duration": 3600}
    told = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}]}
    begins = (timezone.now() - timedelta(minutes=5)).replace(microsecond=0)
    answers.learn(
        charge_point.pk, "GetCompositeSchedule", asked, {**ACCEPTED, "scheduleStart": begins.isoformat(), "chargingSchedule": told}
    )
    answers.learn(charge_point.pk, "GetCompositeSchedule", asked, {"status": "Rejected"})
    assert CompositeSchedule.objects.get().starts_at == begins


# How long they are kept


def test_what_no_box_holds_any_more_is_forgotten(charge_point, owner, monkeypatch):
    now = timezone.now()
    took(charge_point, number=1)
    took(charge_point, number=2, level=1, validTo=(now - timedelta(days=31)).isoformat())
    took(charge_point, number=3, level=2, validTo=(now - timedelta(days=1)).isoformat())
    go_online(charge_point)
    command = asked_to_start(charge_point, CARD)
    answers.learn(charge_point.pk, command.action, command.payload, ACCEPTED)
    retired = factories.make_charge_point(owner)
    took(retired, number=5)
    answers.learn(retired.pk, "GetCompositeSchedule", {"connectorId": 1, "duration": 1}, ACCEPTED)
    charge_points.retire(retired)
    assert kept.forget(now=now) == 1
    assert numbers(charge_point) == [1, 3, 9]
    assert kept.forget(now=now + timedelta(days=2)) == 3
    assert numbers(charge_point) == [1, 3]
    assert (numbers(retired), CompositeSchedule.objects.count()) == ([], 0)


# API


def api(user):
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_owner_and_staff_read_the_profiles_over_the_api(charge_point, owner, staff, stranger):
    took(charge_point, number=1)
    took(charge_point, connector=0, number=2, purpose="ChargePointMaxProfile", validTo="2020-01-01T00:00:00Z")
    url = f"/api/v1/charge-points/{charge_point.code}/charging-profiles/"
    body = api(owner).get(url).json()
    assert body["count"] == 2
    first, second = body["results"]
    assert set(first) == {"id", "connector", "transaction_id", "profile", "accepted_at", "command", "is_expired", "is_waiting"}
    assert (first["connector"], first["is_expired"], first["profile"]["chargingProfileId"]) == (0, True, 2)
    assert (second["connector"], second["is_expired"], second["profile"]) == (1, False, profile(1))
    assert second["accepted_at"].endswith("Z")
    assert len(api(owner).get(f"{url}?page_size=1").json()["results"]) == 1
    assert api(staff).get(url).status_code == 200
    assert api(stranger).get(url).status_code == 404
    assert APIClient().get(url).status_code in (401, 404)


# The page


@pytest.fixture
def page(client, owner, charge_point):
    go_online(charge_point)
    client.force_login(owner)
    return reverse("ocpp_core:charging_profiles", args=[charge_point.code])


def post(client, page, deed, **said):
    prefixed = {f"{deed}-{name}": value for name, value in said.items()}
    return client.post(page, {"deed": deed, **prefixed})


def last_asked():
    command = Command.objects.latest("pk")
    return command.action, command.payload, command.source


def test_the_page_is_the_owners_alone(client, page, stranger):
    assert client.get(page).status_code == 200
    client.force_login(stranger)
    assert client.get(page).status_code == 404
    assert client.post(page, {"deed": "clear"}).status_code == 404


def test_an_owner_limits_her_charger(client, page):
    assert post(client, page, "limit", place="0", amount="10", unit="A", until="").status_code == 302
    action, payload, source = last_asked()
    assert (action, payload["connectorId"], source) == ("SetChargingProfile", 0, "person")
    assert payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 10}]


def test_an_end_is_meant_by_the_clock_of_the_place(client, page):
    post(client, page, "limit", place="1", amount="10", unit="A", until="2040-07-01T18:00")
    assert last_asked()[1]["csChargingProfiles"]["validTo"] == "2040-07-01T16:00:00Z"


def test_an_owner_limits_the_session_that_runs(client, page, charge_point, card):
    started = begin(charge_point, card, at=timezone.now())
    post(client, page, "limit", place="1-now", amount="4.2", unit="W", until="")
    profile = last_asked()[1]["csChargingProfiles"]
    assert (profile["chargingProfilePurpose"], profile["transactionId"]) == ("TxProfile", started.transaction_id)
    assert profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == 6, "4.2 kW of three phases, as most take amperes alone"


def test_an_owner_makes_a_plan(client, page):
    said = {"place": "1", "begins": "22:00", "ends": "06:00", "amount": "11", "unit": "W", "otherwise": "0", "until": ""}
    assert post(client, page, "plan", days=list("0123456"), **said).status_code == 302
    assert last_asked()[1]["csChargingProfiles"]["recurrencyKind"] == "Daily"
    post(client, page, "plan", days=["5", "6"], **said)
    assert last_asked()[1]["csChargingProfiles"]["recurrencyKind"] == "Weekly"


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("limit", {"place": "7", "amount": "10", "unit": "A"}),
        ("limit", {"place": "0", "amount": "-1", "unit": "A"}),
        ("limit", {"place": "0", "amount": "", "unit": "A"}),
        ("limit", {"place": "0", "amount": "10", "unit": "V"}),
        ("limit", {"place": "0", "amount": "10", "unit": "A", "until": "2020-01-01T00:00"}),
        ("limit", {"place": "0", "amount": "10", "unit": "A", "until": "soon"}),
        ("plan", {"place": "0", "begins": "6:00", "ends": "6:00", "amount": "11", "unit": "W", "otherwise": "0", "days": ["1"]}),
        ("plan", {"place": "0", "begins": "6:00", "ends": "7:00", "amount": "11", "unit": "W", "otherwise": "0"}),
        ("plan", {"place": "1-now", "begins": "6:00", "ends": "7:00", "amount": "11", "unit": "W", "otherwise": "0", "days": ["1"]}),
        ("start", {"place": "9", "amount": "11", "unit": "W"}),
    ],
)
def test_a_wish_that_cannot_be_is_shown_again(client, page, deed, said):
    answer = post(client, page, deed, **said)
    assert answer.status_code == 400
    assert 'class="field__error"' in answer.content.decode()
    assert not Command.objects.exists()


def test_staff_start_no_session_of_their_own_there(client, page, staff):
    client.force_login(staff)
    assert client.get(page).status_code == 200
    assert post(client, page, "start", place="1", amount="11", unit="W").status_code == 404


def test_an_unknown_deed_is_not_there(client, page):
    assert client.post(page, {"deed": "explode"}).status_code == 404
    assert client.post(page, {"deed": "clear", "profile": "77"}).status_code == 404
    assert client.post(page, {"deed": "ask", "connector": "77"}).status_code == 404


def test_an_owner_clears_one_or_all_and_asks_the_box(client, page, charge_point):
    took(charge_point, number=5)
    row = ChargingProfile.objects.get()
    client.post(page, {"deed": "clear", "profile": row.pk})
    assert last_asked()[:2] == ("ClearChargingProfile", {"id": 5})
    client.post(page, {"deed": "clear"})
    assert last_asked()[:2] == ("ClearChargingProfile", {})
    client.post(page, {"deed": "ask", "connector": "1"})
    assert last_asked()[:2] == ("GetCompositeSchedule", {"connectorId": 1, "duration": 86_400, "chargingRateUnit": "A"})
    client.post(page, {"deed": "read"})
    assert last_asked()[1]["key"][0] == vendors.RATE_UNIT


def test_an_owner_starts_with_a_limit(client, page, owner):
    assert post(client, page, "start", place="1", amount="10", unit="A").status_code == 302
    session = ChargingSession.objects.get()
    assert (session.driver, session.is_free) == (owner, True)
    assert last_asked()[1]["chargingProfile"]["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == 10


def test_a_full_box_is_not_asked_in_vain(client, page, charge_point):
    ConfigurationKey.objects.create(charge_point=charge_point, key="MaxChargingProfilesInstalled", value="1", read_at=timezone.now())
    took(charge_point, connector=0, number=1, purpose="ChargePointMaxProfile")
    answer = post(client, page, "limit", place="1", amount="10", unit="A", until="")
    assert answer.status_code == 400
    assert not Command.objects.exists()
    assert post(client, page, "limit", place="0", amount="10", unit="A", until="2040-07-01T18:00").status_code == 302


def test_the_page_says_what_the_box_holds(client, page, charge_point):
    plan = {
        "startSchedule": (timezone.now() - timedelta(days=1)).isoformat(),
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}, {"startPeriod": 3600, "limit": 6.5}],
    }
    took(charge_point, number=1, chargingProfileKind="Recurring", recurrencyKind="Daily", chargingSchedule={**plan, "duration": 86_400})
    took(charge_point, number=2, level=1, validTo="2020-01-01T00:00:00Z")
    answers.learn(charge_point.pk, "GetCompositeSchedule", {"connectorId": 1, "duration": 86_400}, {**ACCEPTED, "chargingSchedule": plan})
    client.cookies["django_language"] = "en"
    text = client.get(page).content.decode()
    for words in ("every day", "6.5\N{NO-BREAK SPACE}A", "is over since", "plot__line", "plot__said", "charger itself said"):
        assert words in text, words
    assert "style=" not in text


def test_a_charger_that_has_said_nothing_has_a_page_as_well(client, owner):
    bare = factories.make_charge_point(owner, published=False, connectors=0)
    client.force_login(owner)
    assert client.get(reverse("ocpp_core:charging_profiles", args=[bare.code])).status_code == 200


@pytest.mark.parametrize("firmware", ["4.6.1", "5.17.65"])
def test_an_older_wallbox_is_offered_no_plan(client, page, charge_point, firmware):
    ChargePoint.objects.filter(pk=charge_point.pk).update(vendor="Wall Box Chargers", model="Pulsar", firmware=firmware)
    text = client.get(page).content.decode()
    assert ('name="plan-begins"' in text) is firmware.startswith("5")


def test_the_sweep_knows_of_profiles(charge_point, monkeypatch):
    from chargeshare import housekeeping  # noqa: PLC0415 - its memory is emptied here

    monkeypatch.setattr(housekeeping, "_done_at", {})
    took(charge_point, number=1, validTo="2020-01-01T00:00:00Z")
    run_due(datetime.now(timezone.get_current_timezone()))
    assert numbers(charge_point) == []


@pytest.mark.parametrize("kind", ["Absolute", "Recurring", "Relative"])
@pytest.mark.parametrize("begins", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-12-31T23:59:60Z", "2026-06-01T00:00:00"])
def test_figures_out_of_this_world_are_shown_as_well_as_can_be(client, page, charge_point, kind, begins):
    periods = [{"startPeriod": 0, "limit": 10**400, "numberPhases": 10**400}, {"startPeriod": 10**400, "limit": -5}]
    plan = {"startSchedule": begins, "duration": 10**400, "chargingRateUnit": "A", "chargingSchedulePeriod": periods}
    took(charge_point, number=1, chargingProfileKind=kind, recurrencyKind="Weekly", chargingSchedule=plan, validFrom=begins, validTo=begins)
    took(charge_point, number=2, level=1, chargingProfileKind=kind, recurrencyKind="Daily", chargingSchedule=plan)
    assert len(numbers(charge_point)) == 2
    assert client.get(page).status_code == 200
