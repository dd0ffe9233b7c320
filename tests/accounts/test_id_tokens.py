"""Cards: who holds which, and how their numbers are compared."""

import threading

import pytest
from django.db import connection

from accounts import id_tokens
from accounts.models import IdToken, User
from chargeshare.errors import Invalid
from tests import factories


@pytest.mark.parametrize("spelling", ["04:a2:2b:5c", "04A22B5C", "04-a2.2B_5c", "prefix;04A22B5C", " 04 a2 2b 5c "])
def test_a_card_is_found_however_it_is_spelled(driver: User, spelling: str) -> None:
    token = id_tokens.add(driver, "04:A2:2B:5C")

    assert id_tokens.find(spelling) == token
    assert token.uid == "04:A2:2B:5C"


@pytest.mark.parametrize("uid", ["", "abc", "x" * 37, "čárka1", "a/b/c/d", "ab\x00cd", "----", "<img src=x>", "٣٣٣٣٣"])
def test_an_impossible_number_is_refused_in_a_sentence(driver: User, uid: str) -> None:
    with pytest.raises(Invalid) as refusal:
        id_tokens.add(driver, uid)

    assert "uid" in refusal.value.fields


def test_what_charger_says_never_breaks_the_search(db: None) -> None:
    for said in ["", "\x00", ";", "💳", "x" * 5000]:
        assert id_tokens.find(said) is None


def test_a_card_somebody_holds_is_not_given_away(driver: User, stranger: User) -> None:
    id_tokens.add(driver, "04A22B5C")

    with pytest.raises(id_tokens.TokenTaken) as refusal:
        id_tokens.add(stranger, "04-a2-2b-5c")

    assert (refusal.value.code, refusal.value.status) == ("id_token_taken", 409)
    assert id_tokens.find("04A22B5C").user == driver  # type: ignore[union-attr]


def test_a_removed_card_is_free_again(driver: User, stranger: User) -> None:
    id_tokens.remove(id_tokens.add(driver, "04A22B5C"))

    assert id_tokens.add(stranger, "04A22B5C").user == stranger


def test_a_thousand_cards_are_enough(driver: User) -> None:
    IdToken.objects.bulk_create(IdToken(user=driver, uid=f"CARD{n}", uid_key=f"CARD{n}") for n in range(id_tokens.LIMIT_PER_ACCOUNT))

    with pytest.raises(id_tokens.TooManyTokens):
        id_tokens.add(driver, "04A22B5C")


def test_a_typed_card_is_confirmed_once(driver: User) -> None:
    token = id_tokens.add(driver, "04A22B5C")
    assert token.confirmed_at is None

    first = id_tokens.confirm(token).confirmed_at
    assert first is not None
    assert id_tokens.confirm(IdToken.objects.get()).confirmed_at == first
    assert id_tokens.add(driver, "04A22B5D", confirmed=True).confirmed_at is not None


def test_rename_and_block(driver: User) -> None:
    token = id_tokens.add(driver, "04A22B5C")
    id_tokens.rename(token, "  Blue\r\nkey ring ")
    id_tokens.block(token)

    token.refresh_from_db()
    assert (token.label, token.is_blocked) == ("Blue key ring", True)

    id_tokens.block(token, blocked=False)
    token.refresh_from_db()
    assert token.is_blocked is False


def test_a_group_tag_has_to_fit_on_the_wire(driver: User) -> None:
    token = factories.make_id_token(driver)

    with pytest.raises(Invalid):
        id_tokens.edit(token, parent_uid="x" * 21)
    assert id_tokens.edit(token, parent_uid="FAMILY-1").parent_uid == "FAMILY-1"


@pytest.mark.django_db(transaction=True)
def test_two_people_typing_one_card_at_once() -> None:
    """The number goes to exactly one of them."""
    people = [factories.make_user(f"Person {n}") for n in range(4)]
    refused: list[User] = []
    barrier = threading.Barrier(len(people))

    def type_it(user: User) -> None:
        barrier.wait()
        try:
            id_tokens.add(user, "04A22B5C")
        except id_tokens.TokenTaken:
            refused.append(user)
        finally:
            connection.close()

    threads = [threading.Thread(target=type_it, args=[user]) for user in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == len(people) - 1
    assert IdToken.objects.get().user not in refused
