"""What people of the demo town think of the chargers they used, and of the guests they had."""

from datetime import datetime

from chargeshare.demo import town
from stations import reviews, threads
from stations.models import ChargingSession, Review, Thread

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
        _talk(visit)
    return Review.objects.count()


def _talk(visit: ChargingSession) -> None:
    """Let the first guest of the platform's own host ask for the way, and be told."""
    if visit.driver is None or visit.driver.email != town.DRIVER or Thread.objects.exists():
        return
    for author, text in ((visit.driver, TALK[0]), (visit.owner, TALK[1]), (visit.driver, TALK[2])):
        threads.write(user=author, visit=visit, text=text)
