"""How log lines look: for people on a console, or JSON for machines. A line is one line, whatever a charger put into it."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


def one_line(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Escape what could begin a new line or colour the screen: a charger chooses its own words."""
    text = str(event.get("event", ""))
    event["event"] = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return event


_SECRET = re.compile(r"(/(?:ocpp|charger-uploads|accounts/password/reset/key|accounts/confirm-email)/)[^\s'\"]+")


def without_secrets(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Blot out what in an address is as good as a password."""
    for member in ("event", "request"):
        if member in event:
            event[member] = _SECRET.sub(r"\1…", str(event[member]))
    return event


def once_per_request(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Leave the line at a request's end alone: it says all that the one at its beginning would."""
    if event.get("event") == "request_started":
        raise structlog.DropEvent
    return event


_BEFORE: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    one_line,
    without_secrets,
]


class WithoutTraceback(logging.Filter):
    """One line for a fault of whoever asked: where in our code it was noticed says nothing, and strangers could fill a disk with it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let it pass, shortened."""
        record.exc_info = record.exc_text = None
        return True


_TALKATIVE = ("autobahn", "daphne", "fontTools", "fpdf", "twisted")


def configuration(style: str) -> dict[str, Any]:
    """Django's LOGGING for a LOG_FORMAT; what structlog is told goes the same way."""
    structlog.configure(
        processors=[once_per_request, *_BEFORE, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if style == "json":
        last += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        last += [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)]
    line = {"()": structlog.stdlib.ProcessorFormatter, "processors": last, "foreign_pre_chain": _BEFORE}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": line},
        "filters": {"without_traceback": {"()": WithoutTraceback}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            "django.security.DisallowedHost": {"filters": ["without_traceback"]},
            **{name: {"level": "WARNING"} for name in _TALKATIVE},
        },
    }
