"""Photos of chargers: added, ordered, captioned and taken away by their owners; the files in MEDIA_ROOT have names that say nothing."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chargeshare.errors import DomainError, Invalid
from stations import arrival, pictures
from stations.models import ChargePoint, Photo

FOLDER = "photos"
MOST = 12
LONGEST_CAPTION = 200
SAME_CLICK = timedelta(minutes=1)
KEPT = timedelta(days=1)  # after the charger is retired, as long as what else guides people to it


class TooManyPhotos(DomainError):
    """Nobody looks at more."""

    code = "too_many_photos"
    message = gettext_lazy("A charger has at most twelve photos. Take one of them away first.")


def add(charge_point: ChargePoint, file: IO[bytes], *, caption: str = "", is_for_guests: bool = False) -> Photo:
    """Draw it anew and put it behind the others. The same within a minute is a double click.

    The files come first: a row without its files is never seen.
    """
    text = _checked(caption)
    _must_have_room(charge_point)
    files, (width, height) = pictures.drawn(file, Photo.SIZES)
    photo = Photo(charge_point=charge_point, caption=text, is_for_guests=is_for_guests, width=width, height=height)
    try:
        write(FOLDER, photo.code, files)
        with transaction.atomic():
            ChargePoint.objects.select_for_update().values_list("pk").get(pk=charge_point.pk)
            known = _same(photo, files)
            if known is not None:
                unlink(FOLDER, photo.code, Photo.SIZES)
                return known
            _must_have_room(charge_point)
            last = Photo.objects.filter(charge_point=charge_point).order_by("-position").values_list("position", flat=True).first()
            photo.position = 0 if last is None else last + 1
            photo.save(force_insert=True)
    except BaseException:
        unlink(FOLDER, photo.code, Photo.SIZES)
        raise
    return photo


def edit(photo: Photo, *, caption: str | None = None, is_for_guests: bool | None = None) -> Photo:
    """Say how to find the socket on it, and who sees it."""
    if caption is not None:
        photo.caption = _checked(caption)
    if is_for_guests is not None:
        photo.is_for_guests = is_for_guests
    photo.save(update_fields=["caption", "is_for_guests"])
    return photo


@transaction.atomic
def move(photo: Photo, *, to: int) -> None:
    """Put it in another place among the others; the first is what people see first."""
    ChargePoint.objects.select_for_update().values_list("pk").get(pk=photo.charge_point_id)
    order = [one for one in Photo.objects.filter(charge_point=photo.charge_point_id) if one.pk != photo.pk]
    order.insert(max(0, to), photo)
    for position, one in enumerate(order):
        if one.position != position:
            Photo.objects.filter(pk=one.pk).update(position=position)


@transaction.atomic
def remove(photo: Photo) -> None:
    """Take it away, row and files. Twice is no fault."""
    Photo.objects.filter(pk=photo.pk).delete()
    transaction.on_commit(lambda: unlink(FOLDER, photo.code, Photo.SIZES))


def forget(*, now: datetime) -> int:
    """Take away the photos of chargers that were retired."""
    gone = list(Photo.objects.filter(charge_point__retired_at__lt=now - KEPT)[:200])
    for photo in gone:
        remove(photo)
    return len(gone)


def shown_to(charge_point: ChargePoint, viewer: object, at: datetime) -> list[Photo]:
    """What somebody who may see the charger sees of it; some only who is on her way."""
    photos = list(Photo.objects.filter(charge_point=charge_point))
    if any(photo.is_for_guests for photo in photos) and not arrival.may_read(charge_point, viewer, at):
        return [photo for photo in photos if not photo.is_for_guests]
    return photos


def path(photo: Photo, size: str) -> Path:
    """Where a file lies."""
    return place(FOLDER, photo.code, size)


def place(folder: str, code: UUID, size: str) -> Path:
    """Where a file of somebody's picture lies, whatever it is a picture of."""
    return Path(settings.MEDIA_ROOT) / folder / f"{code}-{size}.webp"


def write(folder: str, code: UUID, files: Mapping[str, bytes]) -> None:
    """Put the files of one picture there, by their sizes."""
    for size, content in files.items():
        file = place(folder, code, size)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def unlink(folder: str, code: UUID, sizes: Iterable[str]) -> None:
    """Take them away, those that are there."""
    for size in sizes:
        place(folder, code, size).unlink(missing_ok=True)


def _same(photo: Photo, files: Mapping[str, bytes]) -> Photo | None:
    """What was added a moment ago and looks and says the same."""
    lately = Photo.objects.filter(charge_point=photo.charge_point_id, created_at__gt=timezone.now() - SAME_CLICK)
    alike = lately.filter(caption=photo.caption, is_for_guests=photo.is_for_guests, width=photo.width, height=photo.height)
    return next((one for one in alike if _content(one) == files["small"]), None)


def _content(photo: Photo) -> bytes:
    file = path(photo, "small")
    return file.read_bytes() if file.exists() else b""


def _must_have_room(charge_point: ChargePoint) -> None:
    if Photo.objects.filter(charge_point=charge_point).count() >= MOST:
        raise TooManyPhotos


def _checked(caption: str) -> str:
    text = " ".join(caption.replace("\0", "").split())
    if len(text) > LONGEST_CAPTION:
        raise Invalid(fields={"caption": [_("Write at most %(most)s characters.") % {"most": LONGEST_CAPTION}]})
    return text
