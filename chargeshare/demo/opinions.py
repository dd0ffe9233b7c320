"""What people of the demo town think of the chargers they used, and of the guests they had."""

from datetime import datetime

from chargeshare.demo import town
from stations import problems, reviews, threads
from stations.models import ChargingSession, Problem, Reservation, Review

WORDS: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (5, "Kabel dosáhl i dozadu k zásuvce. Start napoprvé a účtenka seděla na haléř.", ("started_at_once", "as_described")),
    (4, "Vjezd je užší, ale přesně podle popisu. Příště zase.", ("easy_to_find",)),
    (5, "", ("quiet_and_safe", "friendly")),
    (3, "Hledal jsem ji dvakrát kolem bloku, pak už to šlo samo.", ("hard_to_find",)),
    (5, "Nabila jsem přes noc, ráno plná. Děkuji za kávu.", ("friendly", "quiet_and_safe")),
)
GUEST_WORDS = ((5, "Přijela přesně a kabel po sobě smotala.", ("on_time", "careful")), (4, "", ("friendly",)))
REPLY = "Děkujeme, ceduli u vrat jsme zvětšili."
TALK = ("Nemůžu najít zásuvku.", "Vpravo za vraty, pod oranžovým krytem.", "Už ji mám, děkuji.")
TALK_BEFORE = ("Dobrý den, vejde se ke kůlně i vozík?", "Vejde, jen ho prosím nechte vlevo u plotu.")
BROKEN = "Víčko zásuvky nedrží, drží ho jen gumička."
MOST = 14


def make(now: datetime) -> int:
    """Let guests of the last days say how it was, hosts too where it is their turn; the last few stay blind. How many there are."""
    visits = ChargingSession.objects.filter(status=ChargingSession.Status.COMPLETED, cdr__isnull=False).select_related("driver", "owner")
    real = [one for one in visits.order_by("pk") if reviews.is_reviewable(one, now)][:MOST]
    for number, visit in enumerate(real):
        if visit.driver is None or visit.reviews.exists():
            continue
        rating, text, tags = WORDS[number % len(WORDS)]
        by_driver = reviews.write(user=visit.driver, session=visit, rating=rating, text=text, tags=tags)
        if number % 4 == 3:
            continue  # the host has not written yet
        guest_rating, guest_text, guest_tags = GUEST_WORDS[number % len(GUEST_WORDS)]
        reviews.write(user=visit.owner, session=visit, rating=guest_rating, text=guest_text, tags=guest_tags)
        if "hard_to_find" in tags or visit.owner.email == town.OWNER:
            by_driver.refresh_from_db()
            reviews.reply(user=visit.owner, review=by_driver, text=REPLY)
    last = _last_visit()
    if last is not None and last.driver is not None:
        problems.report(user=last.driver, visit=last, kind=Problem.Kind.BROKEN, text=BROKEN)
    for talked_of, words in ((last, TALK), (_next_booking(), TALK_BEFORE)):
        if talked_of is not None and threads.find(threads.sides(talked_of)[0], talked_of) is None:
            _talk(talked_of, words)
    return Review.objects.count()


def _last_visit() -> ChargingSession | None:
    """The last one of the driver one logs in as."""
    visits = ChargingSession.objects.filter(driver__email=town.DRIVER, status=ChargingSession.Status.COMPLETED)
    return visits.exclude(owner__email=town.DRIVER).select_related("driver", "owner").order_by("-pk").first()


def _next_booking() -> Reservation | None:
    """The booking of hers at the owner's one logs in as, so that both of them find a talk."""
    booked = Reservation.objects.filter(driver__email=town.DRIVER, connector__charge_point__owner__email=town.OWNER)
    return booked.select_related("driver", "connector__charge_point__owner").order_by("begins_at").first()


def _talk(visit: threads.Visit, words: tuple[str, ...]) -> None:
    """Driver and host in turns."""
    for number, text in enumerate(words):
        threads.write(user=threads.sides(visit)[number % 2], visit=visit, text=text)
