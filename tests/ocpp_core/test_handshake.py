import pytest

from ocpp_core.handshake import Address, Request
from ocpp_core.models import ConnectionAttempt
from stations import charge_points
from stations.models import ChargePoint
from tests import factories
from tests.chargers import raw_charger_for
from tests.factories import CHARGER_PASSWORD
from tests.ocpp_core.conftest import basic, knock, run, until

SERVER = {"LIMIT_CHARGER_FAILURES": "8", "TRUSTED_PROXIES": "127.0.0.1"}
Outcome = ConnectionAttempt.Outcome


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        ("/ocpp/CP_1", "CP_1"),
        ("/ocpp/CP_1/", "CP_1"),
        ("/ocpp/CP_1/CP_1/", "CP_1"),
        ("/ocpp/CP%5F1", "CP_1"),
        ("/ocpp/CP%255F1", "CP%5F1"),
        ("/ocpp/ws://h:9000/CP_1/SERIAL", "SERIAL"),
        ("/ws://h:9000/ocpp/CP_1", "CP_1"),
        ("/OCPP/a:b", "a:b"),
        ("/ocpp/ocpp", "ocpp"),
        ("/ocpp/", ""),
        ("/CP_1", ""),
    ],
)
def test_the_path_is_read_for_what_it_means(path, identity):
    assert Address.read({"raw_path": path.encode(), "path": path}).identity == identity


def test_credentials_are_not_split_where_an_identity_has_a_colon():
    scope = {"raw_path": b"/ocpp/a:b", "path": "/ocpp/a:b", "headers": [(b"authorization", basic("A:B", "c:d").encode())]}
    assert Request.read(scope).credentials == b"A:B:c:d"


def made_up(owner):
    charge_point, password = charge_points.register(owner=owner, name="New", latitude=50, longitude=14)
    assert password is not None
    return charge_point, password


def refusal(response):
    return response.status, response.getheader("WWW-Authenticate"), response.getheader("Server"), response.read()


def test_who_cannot_prove_it_is_refused_before_the_upgrade_and_not_told_why(served, charge_point, owner):
    other = factories.make_charge_point(owner)
    path = f"/ocpp/{charge_point.identity}"
    challenge = (401, 'Basic realm="OCPP"', None, b"")

    assert refusal(knock(served, path)) == challenge
    assert refusal(knock(served, path, basic(charge_point.identity, "wrong-password"))) == challenge
    assert refusal(knock(served, path, basic(other.identity))) == challenge
    assert refusal(knock(served, path, "Basic !!!")) == challenge
    assert refusal(knock(served, path, "Bearer x")) == challenge
    assert refusal(knock(served, "/ocpp/NOBODY", basic("NOBODY"))) == challenge
    assert refusal(knock(served, f"/{charge_point.identity}", basic(charge_point.identity))) == challenge
    assert refusal(knock(served, path, basic(charge_point.identity), "ocpp2.0.1, ocpp2.1")) == challenge
    charge_points.retire(other)
    assert refusal(knock(served, f"/ocpp/{other.identity}", basic(other.identity))) == challenge


@pytest.mark.parametrize(
    ("path", "user", "password"),
    [
        ("/ocpp/BOX:A-1", "BOX:A-1", CHARGER_PASSWORD),
        ("/ocpp/box:a-1/", "Box:A-1", CHARGER_PASSWORD),
        ("/ocpp/BOX:A-1/BOX:A-1", "BOX:A-1", CHARGER_PASSWORD),
        ("/ocpp/BOX%3AA%2D1", "BOX:A-1", CHARGER_PASSWORD),
        ("/ocpp/ws://h:9000/ocpp/BOX:A-1", "BOX:A-1", CHARGER_PASSWORD),
        ("/ocpp/BOX:A-1/SERIAL-4711", "BOX:A-1", CHARGER_PASSWORD),
        ("/ocpp/BOX:A-1", "BOX:A-1", CHARGER_PASSWORD.encode().hex()),
        ("/ocpp/BOX:A-1", "BOX:A-1", CHARGER_PASSWORD.encode().hex().upper()),
    ],
)
def test_every_spelling_of_address_and_credentials_opens(served, owner, path, user, password):
    factories.make_charge_point(owner, identity="BOX:A-1", published=False)
    response = knock(served, path, basic(user, password))
    assert (response.status, response.getheader("Sec-WebSocket-Protocol")) == (101, "ocpp1.6")


@pytest.mark.parametrize(
    ("offered", "chosen"), [(None, None), ("ocpp1.6", "ocpp1.6"), ("ocpp2.0.1, ocpp1.6", "ocpp1.6"), ("ocpp1.6,ocpp1.5", "ocpp1.6")]
)
def test_the_subprotocol_is_ours_or_none(served, charge_point, offered, chosen):
    response = knock(served, f"/ocpp/{charge_point.identity}", basic(charge_point.identity), offered, Origin="https://evil.example")
    assert (response.status, response.getheader("Sec-WebSocket-Protocol")) == (101, chosen)
    assert response.getheader("Sec-WebSocket-Extensions") is None


def test_a_charger_without_a_password_shows_the_secret_of_its_address(served, owner):
    charge_point, password = charge_points.register(owner=owner, name="Old", latitude=50, longitude=14, password="")
    assert password is None
    url = charge_points.ocpp_url(charge_point)
    assert url.endswith(f"/{charge_point.path_secret}/{charge_point.identity}")

    assert knock(served, f"/ocpp/{charge_point.path_secret}/{charge_point.identity}").status == 101
    for path in (f"/ocpp/{charge_point.identity}", f"/ocpp/{'0' * 40}/{charge_point.identity}"):
        assert knock(served, path).status == 401
        assert knock(served, path, basic(charge_point.identity, "")).status == 401


def test_a_charger_that_needs_tls_is_believed_only_from_our_proxy(served, charge_point):
    ChargePoint.objects.filter(pk=charge_point.pk).update(security_profile=ChargePoint.SecurityProfile.TLS)
    path, header = f"/ocpp/{charge_point.identity}", basic(charge_point.identity)

    assert knock(served, path, header).status == 401
    assert knock(served, path, header, X_Forwarded_Proto="http").status == 401
    assert knock(served, path, header, X_Forwarded_Proto="https", X_Forwarded_For="198.51.100.7").status == 101

    seen = ConnectionAttempt.objects.filter(charge_point=charge_point)
    assert set(seen.values_list("outcome", "address")) == {(Outcome.INSECURE, "127.0.0.1"), (Outcome.ACCEPTED, "198.51.100.7")}


def test_every_attempt_is_kept_without_a_secret(served, owner):
    charge_point, password = made_up(owner)
    path = f"/ocpp/{charge_point.identity}"
    knock(served, path)
    for _again in range(3):
        knock(served, path, basic(charge_point.identity, "too-short"))
    knock(served, path, basic("Somebody else", password))
    knock(served, path, basic(charge_point.identity, password), "ocpp2.0.1")
    knock(served, path, basic(charge_point.identity, password))

    attempts = ConnectionAttempt.objects.filter(charge_point=charge_point).order_by("id")
    until(lambda: attempts.filter(outcome=Outcome.ACCEPTED, closed_at__isnull=False).exists())
    wrong = attempts.get(outcome=Outcome.WRONG_PASSWORD)
    assert (wrong.times, wrong.address) == (4, "127.0.0.1")
    assert attempts.filter(outcome=Outcome.NO_PASSWORD).exists()
    assert "ocpp2.0.1" in attempts.get(outcome=Outcome.WRONG_PROTOCOL).detail
    assert not any("too-short" in attempt.detail or password in attempt.detail for attempt in attempts)
    charge_point.refresh_from_db()
    assert charge_point.connection is None, "the socket is closed, so it is offline at once"


def test_a_made_up_password_is_hinted_at_by_its_length(served, owner):
    charge_point, _password = made_up(owner)
    knock(served, f"/ocpp/{charge_point.identity}", basic(charge_point.identity, "seven77"))
    attempts = ConnectionAttempt.objects.filter(charge_point=charge_point)
    until(attempts.exists)
    assert "7" in attempts.get().detail
    assert "20" in attempts.get().detail


def test_only_failures_are_limited_and_the_right_charger_always_comes_in(served, owner):
    """Guessing under an identity ends in 429 without a row each; who knows the made-up password comes in all the same."""
    unguessable, password = made_up(owner)
    chosen = factories.make_charge_point(owner)
    guesser = {"X_Forwarded_For": "203.0.113.66"}
    assert knock(served, f"/ocpp/{chosen.identity}", basic(chosen.identity), X_Forwarded_For="203.0.113.5").status == 101
    for charge_point in (unguessable, chosen):
        path = f"/ocpp/{charge_point.identity}"
        answers = [knock(served, path, basic(charge_point.identity, f"guess-{number}"), **guesser).status for number in range(12)]
        assert answers == [401] * 8 + [429] * 4

    assert knock(served, f"/ocpp/{unguessable.identity}", basic(unguessable.identity, password), **guesser).status == 101
    path, header = f"/ocpp/{chosen.identity}", basic(chosen.identity)
    assert knock(served, path, header, X_Forwarded_For="203.0.113.5").status == 101, "it has come from there before"
    assert knock(served, path, header, X_Forwarded_For="203.0.113.99").status == 429, "a chosen password may have been guessed"
    rows = ConnectionAttempt.objects.filter(charge_point=chosen, address="203.0.113.66")
    until(lambda: sorted(rows.values_list("outcome", "times")) == [(Outcome.TOO_MANY, 1), (Outcome.WRONG_PASSWORD, 8)])


def test_an_address_that_tries_many_names_is_limited(served, charge_point):
    answers = [knock(served, f"/ocpp/NAME-{number}", basic("x"), X_Forwarded_For="192.0.2.44").status for number in range(50)]
    assert answers == [401] * 48 + [429] * 2
    assert knock(served, f"/ocpp/{charge_point.identity}", basic(charge_point.identity)).status == 101


def test_the_next_password_opens_beside_the_old_one_until_it_is_used(served, charge_point):
    path = f"/ocpp/{charge_point.identity}"
    following = charge_points.rotate_password(charge_point)

    def opens(password):
        return knock(served, path, basic(charge_point.identity, password)).status == 101

    assert opens(CHARGER_PASSWORD)
    assert opens(following)
    assert not opens(CHARGER_PASSWORD)
    assert opens(following)


def test_two_boxes_that_fight_for_one_identity_are_told_apart(served, charge_point, owner, staff):
    """Swaps between two addresses are counted; whoever is in stays, the other is kept out for a minute, and people are told."""
    path, header = f"/ocpp/{charge_point.identity}", basic(charge_point.identity)
    statuses = []
    ChargePoint.objects.filter(pk=charge_point.pk).update(connection="00000000-0000-4000-8000-000000000000")
    for turn in range(12):
        statuses.append(knock(served, path, header, X_Forwarded_For=f"198.51.100.{turn % 2}").status)
        until(lambda: ConnectionAttempt.objects.filter(closed_at=None, outcome=Outcome.ACCEPTED).count() == 0)
        ChargePoint.objects.filter(pk=charge_point.pk).update(connection="00000000-0000-4000-8000-000000000000")
    assert statuses[:6] == [101] * 6
    assert 429 in statuses
    until(lambda: ConnectionAttempt.objects.filter(outcome=Outcome.ALTERNATING).exists())
    until(lambda: owner.notifications.exists() and staff.notifications.exists())


def test_reconnecting_from_the_same_address_is_never_a_fight(served, charge_point):
    async def story():
        for _time in range(12):
            async with raw_charger_for(charge_point, served) as box:
                await box.call("Heartbeat", {})

    run(story)
    assert not ConnectionAttempt.objects.exclude(outcome=Outcome.ACCEPTED).exists()
