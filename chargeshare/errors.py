"""The one kind of exception that is meant for people, and what a database means by one of its own."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class DomainError(Exception):
    """A refusal that a person can understand. Anything else that goes wrong is a bug and stays an exception.

    Subclasses stand beside the function that raises them and set `code` (stable, for programs), `message`
    (one sentence for people) and `status` (the HTTP status the API answers with).
    """

    code = "refused"
    status = 409
    message: str | Promise = _("This is not possible now.")

    def __init__(
        self, message: str | Promise | None = None, *, code: str | None = None, fields: dict[str, list[str]] | None = None
    ) -> None:
        if message is not None:
            self.message = message
        if code is not None:
            self.code = code
        self.fields = fields or {}
        super().__init__(str(self.message))


class NotFound(DomainError):
    """What does not exist, or what this person may not know to exist."""

    code = "not_found"
    status = 404
    message = _("There is nothing here, or it is not yours to see.")


class Invalid(DomainError):
    """Input that cannot be used; `fields` says which field and why."""

    code = "invalid"
    status = 400
    message = _("Something in the form is not right.")


def is_in_other_hands(error: Exception) -> bool:
    """Whether the database gave up waiting for a row that somebody else holds."""
    return getattr(error.__cause__, "sqlstate", None) == "55P03"
