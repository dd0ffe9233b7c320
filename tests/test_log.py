"""What the log says, and what it must not."""

import json
import logging
import logging.config
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog
from django.conf import settings

from chargeshare import log


@pytest.fixture
def written(request: pytest.FixtureRequest) -> Iterator[StringIO]:
    """Where a logger of its own writes in the style that the test asks for."""
    stream = StringIO()
    configuration = log.configuration(request.param)
    formatter = configuration["formatters"]["line"]
    logger = logging.getLogger("tests.log")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter["()"](**{name: value for name, value in formatter.items() if name != "()"}))
    logger.addHandler(handler)
    logger.propagate = False
    yield stream
    logger.removeHandler(handler)
    logger.propagate = True
    log.configuration(settings.LOG_FORMAT)


@pytest.mark.parametrize("written", ["console", "json"], indirect=True)
def test_charger_cannot_begin_a_line(written: StringIO) -> None:
    logging.getLogger("tests.log").warning("vendor is %s", "ABB\n2026-01-01 [info] all is well\x1b[2K")
    assert len(written.getvalue().splitlines()) == 1
    assert "\x1b[2K" not in written.getvalue()
    assert "all is well" in written.getvalue()


@pytest.mark.parametrize("written", ["console", "json"], indirect=True)
@pytest.mark.parametrize(
    "path",
    ["/ocpp/s3cr3t/BOX-1", "/charger-uploads/s3cr3t/a.zip", "/accounts/password/reset/key/s3cr3t/", "/accounts/confirm-email/s3cr3t/"],
)
def test_secret_in_an_address_is_blotted_out(written: StringIO, path: str) -> None:
    logging.getLogger("tests.log").warning("Not Found: %s", path)
    structlog.get_logger("tests.log").info("request_finished", request=f"GET {path}", code=200)
    assert len(written.getvalue().splitlines()) == 2
    assert "s3cr3t" not in written.getvalue()
    assert path.split("s3cr3t", maxsplit=1)[0] in written.getvalue()


@pytest.mark.parametrize("written", ["json"], indirect=True)
def test_traceback_is_part_of_its_event(written: StringIO) -> None:
    try:
        int("many")
    except ValueError:
        logging.getLogger("tests.log").exception("settling failed")
    event = json.loads(written.getvalue())
    assert event["event"] == "settling failed"
    assert event["level"] == "error"
    assert "ValueError" in event["exception"]


@pytest.mark.parametrize("written", ["json"], indirect=True)
def test_request_is_told_once(written: StringIO) -> None:
    logger = structlog.get_logger("tests.log")
    logger.info("request_started", request="GET /")
    logger.info("request_finished", request="GET /", code=200)
    assert [json.loads(line)["event"] for line in written.getvalue().splitlines()] == ["request_finished"]
