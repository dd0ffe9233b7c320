"""What a body beyond its limit is answered."""

import json

import pytest
from django.conf import settings

from chargeshare import bodies


@pytest.mark.parametrize(
    ("accepted", "language", "words"),
    [
        ("cs-CZ,cs;q=0.9", "cs", "MB"),
        ("en-GB", "en", "more than 6 MB"),
        ("xx,en;q=0.5", "en", "more than 6 MB"),
        ("", settings.LANGUAGE_CODE, "MB"),
        ("\x00", settings.LANGUAGE_CODE, "MB"),
    ],
)
def test_people_read_one_sentence(accepted, language, words):
    head, _end, page = bodies.too_large("/owner/x/photos/", accepted).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 413 ")
    assert f"Content-Length: {len(page)}".encode() in head
    assert f'lang="{language}"' in page.decode()
    assert words in page.decode()


def test_programs_read_json():
    said = json.loads(bodies.too_large("/api/v1/problems/", "en").partition(b"\r\n\r\n")[2])

    assert (said["code"], said["fields"]) == ("too_large", {})
    assert "6 MB" in said["detail"]
