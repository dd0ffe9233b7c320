"""Photos: whatever comes is drawn anew or refused in one sentence, and shown to those who may see it."""

import struct
import zlib
from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from chargeshare.errors import Invalid
from stations import charge_points, photos, pictures, reservations
from stations.models import ChargePoint, Photo
from tests.photographs import make_photo
from tests.stations.test_api_sessions import client_of

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="900"><script>alert(1)</script></svg>'


def with_gps():
    exif = Image.Exif()
    exif[0x0112] = 6  # lying on its side
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825).update({1: "N", 2: (49.0, 56.0, 19.3), 3: "E", 4: (17.0, 54.0, 9.3)})
    return make_photo(640, 480, exif=exif, comment=b"SecretComment")


def bomb():
    """A PNG that says it is 30000 by 30000 and holds next to nothing."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return BytesIO(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))


def moving():
    file = BytesIO()
    frames = [Image.new("RGB", (300, 300), colour) for colour in ("red", "blue")]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    file.seek(0)
    return file


BAD = {
    "nothing": lambda: BytesIO(b""),
    "words": lambda: BytesIO(b"not a picture"),
    "svg": lambda: BytesIO(SVG),
    "gif": lambda: make_photo(kind="GIF"),
    "cut off": lambda: BytesIO(make_photo(800, 800).read()[:900]),
    "bomb": bomb,
    "many pixels": lambda: make_photo(4_100, 4_000, kind="PNG", mode="1", colour="white"),
    "moving": moving,
    "tiny": lambda: make_photo(20, 900),
    "heavy": lambda: BytesIO(b"\xff\xd8\xff" + bytes(pictures.MOST_BYTES)),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_photo_is_refused_in_a_sentence(charge_point, owner, what, client, settings):
    with pytest.raises(Invalid) as refusal:
        photos.add(charge_point, BAD[what]())
    assert len(refusal.value.fields["photo"]) == 1
    upload = SimpleUploadedFile("photo.jpg", BAD[what]().read(), "image/jpeg")
    answer = client_of(owner).post(f"/api/v1/charge-points/{charge_point.code}/photos/", {"photo": upload}, format="multipart")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["photo"])
    assert not Photo.objects.exists()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_drawn_anew_in_two_sizes(charge_point, kind):
    photo = photos.add(charge_point, make_photo(2_000, 1_000, kind=kind), caption=" Left of\nthe gate ")
    sizes = {size: Image.open(photos.path(photo, size)) for size in Photo.SIZES}
    assert {size: (image.format, image.size) for size, image in sizes.items()} == {
        "small": ("WEBP", (800, 400)),
        "large": ("WEBP", (1600, 800)),
    }
    assert (photo.width, photo.height, photo.caption) == (800, 400, "Left of the gate")
    for image in sizes.values():
        image.close()


def test_nothing_the_camera_wrote_is_kept(charge_point):
    photo = photos.add(charge_point, with_gps())
    for size in Photo.SIZES:
        content = photos.path(photo, size).read_bytes()
        assert not any(trace in content for trace in (b"EXIF", b"Exif", b"GPS", b"Secret", b"XMP"))
        with Image.open(BytesIO(content)) as image:
            assert dict(image.getexif()) == {}
            assert image.size == (480, 640)  # stood up


def test_twelve_at_most_in_their_order(charge_point, driver, monkeypatch):
    first, second, third = (photos.add(charge_point, make_photo(colour=colour)) for colour in ("teal", "tan", "navy"))
    photos.move(third, to=0)
    photos.move(first, to=9)
    assert photos.shown_to(charge_point, driver, timezone.now()) == [third, second, first]
    monkeypatch.setattr(photos, "MOST", 3)
    with pytest.raises(photos.TooManyPhotos):
        photos.add(charge_point, make_photo(colour="white"))
    assert len(list(photos.path(first, "small").parent.glob(f"{first.code}*"))) == 2


def test_a_double_click_adds_one_photo(charge_point, settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(photos, "SAME_CLICK", timedelta(hours=1))
    first = photos.add(charge_point, make_photo(), caption="Left")

    assert photos.add(charge_point, make_photo(), caption="Left") == first

    assert photos.add(charge_point, make_photo(), caption="Right") != first
    assert charge_point.photos.count() == 2
    assert len(list(photos.path(first, "small").parent.glob("*.webp"))) == 4


def test_who_sees_which(driver, owner, stranger, connector, client, django_capture_on_commit_callbacks):
    charge_point = connector.charge_point
    public = photos.add(charge_point, make_photo(), caption="<b>left</b>")
    private = photos.add(charge_point, make_photo(), is_for_guests=True)
    answer = client.get(public.small_url)
    assert (answer.status_code, answer["Content-Type"], answer["X-Content-Type-Options"]) == (200, "image/webp", "nosniff")
    assert "public" in answer["Cache-Control"]
    assert answer.content[8:12] == b"WEBP"
    assert (client.get(private.small_url).status_code, client.get(f"/photos/{public.code}/huge.webp").status_code) == (404, 404)
    page = client.get(charge_point.get_absolute_url()).content.decode()
    assert public.small_url in page
    assert private.small_url not in page
    assert "<b>left</b>" not in page
    assert public.small_url in client.get(f"/c/{charge_point.code}/1/").content.decode()

    now = timezone.now()
    reservations.book(driver=driver, connector=connector, begins_at=now, ends_at=now + timedelta(hours=2))
    listed = f"/api/v1/charge-points/{charge_point.code}/photos/"
    assert [len(client_of(user).get(listed).json()) for user in (driver, owner, stranger)] == [2, 2, 1]
    client.force_login(driver)
    answer = client.get(private.large_url)
    assert answer["Cache-Control"] == "private, no-store"
    client.force_login(stranger)
    assert client.get(private.large_url).status_code == 404

    ChargePoint.objects.filter(pk=charge_point.pk).update(is_published=False)
    assert client.get(public.small_url).status_code == 404
    with django_capture_on_commit_callbacks(execute=True):
        charge_points.retire(charge_point)
        assert photos.forget(now=timezone.now()) == 0
        assert photos.forget(now=timezone.now() + timedelta(days=2)) == 2
    assert not photos.path(public, "small").exists()


def test_the_owners_page(owner, stranger, charge_point, client, django_capture_on_commit_callbacks):
    page = f"/owner/{charge_point.code}/photos/"
    client.force_login(stranger)
    assert client.get(page).status_code == 404
    client.force_login(owner)
    assert client.post(page, {"photo": SimpleUploadedFile("x.svg", SVG, "image/svg+xml")}).status_code == 400
    assert client.post(page, {}).status_code == 400
    for colour in ("teal", "tan"):
        assert client.post(page, {"photo": make_photo(colour=colour), "caption": "Here"}).status_code == 302
    first, second = charge_point.photos.all()
    change = f"/photos/{second.code}/change/"
    client.post(change, {"deed": "earlier"})
    assert list(charge_point.photos.all()) == [second, first]
    client.post(change, {"caption": "There", "is_for_guests": "on"})
    second.refresh_from_db()
    assert (second.caption, second.is_for_guests) == ("There", True)
    assert client.get(page).status_code == 200
    client.force_login(stranger)
    assert client.post(change, {"deed": "remove"}).status_code == 404
    one = f"/api/v1/photos/{second.code}/"
    assert (client_of(stranger).patch(one, {}, format="json").status_code, client_of(stranger).delete(one).status_code) == (404, 404)
    assert client_of(owner).patch(one, {"caption": "Over there"}, format="json").json()["caption"] == "Over there"
    with django_capture_on_commit_callbacks(execute=True):
        assert client_of(owner).delete(one).status_code == 204
    assert not photos.path(second, "large").exists()


def test_what_a_camera_wrote_wrongly_spoils_no_photo():
    entries = struct.pack("<HHIHxx", 274, 3, 1, 6) + struct.pack("<HHI4s", 282, 2, 4, b"bad\0")  # on its side; a resolution in letters
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4)

    _files, (width, height) = pictures.drawn(make_photo(640, 480, exif=exif), Photo.SIZES)

    assert (width, height) == (480, 640)
