"""The words of the interface: collected from the sources, kept in locale/, compiled. Needs no gettext: `python -m tests.messages`.

With `--check` nothing is written: it fails where the catalogue is not what the sources say, where a translation is missing
or its placeholders differ, and where the compiled file is older than the text. The compiled file is kept in the
repository, so that whoever runs the program needs no compiler of catalogues.
"""

import io
import os
import re
import string
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import django
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings

HOUSE = Path(__file__).resolve().parent.parent
PACKAGES = ("chargeshare", "accounts", "billing", "stations", "ocpp_core")
KEYWORDS = {
    name: spec
    for names, spec in (
        (("_", "gettext", "gettext_lazy", "gettext_noop"), None),
        (("ngettext", "ngettext_lazy", "_n"), (1, 2)),
        (("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
        (("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
    )
    for name in names
}
HEADER = "# Czech translation of ChargeShare.\n"


def collect() -> Catalog:
    """Every message of the sources, with the files it stands in."""
    from django.utils.translation.template import templatize  # noqa: PLC0415 - needs the settings

    catalog = Catalog(domain="django", fuzzy=False)
    sources = [path for package in PACKAGES for path in sorted((HOUSE / package).rglob("*.py")) if "migrations" not in path.parts]
    templates = [path for path in sorted((HOUSE / "templates").rglob("*.*")) if path.suffix in {".html", ".txt", ".js", ".svg"}]
    for path in [*sources, *templates]:
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            text = _as_python(templatize(text, origin=str(path)))
        options = {"encoding": "utf-8"}
        for _line, message, comments, context in extract("python", io.BytesIO(text.encode()), KEYWORDS, ("Translators:",), options=options):
            catalog.add(message, locations=[(str(path.relative_to(HOUSE)), 0)], auto_comments=comments, context=context)
    return catalog


def _as_python(templatized: str) -> str:
    """What Django makes of a template for xgettext, without what is left of the template's own text."""
    calls = re.findall(
        r"""\b(?:_|gettext|ngettext|pgettext|npgettext)\((?:[^()"']|u?"(?:\\.|[^"\\])*"|u?'(?:\\.|[^'\\])*')*\)""", templatized
    )
    return "\n".join(re.sub(r"\s*\n\s*", " ", call) if '"""' not in call else call for call in calls)


def catalogue(language: str) -> Path:
    """Where the words of a language are."""
    return HOUSE / "locale" / language / "LC_MESSAGES" / "django.po"


def merged(language: str, template: Catalog) -> Catalog:
    """The template's messages with the translations there are; what the sources no longer say is dropped."""
    path = catalogue(language)
    old = read_po(io.BytesIO(path.read_bytes()), locale=language) if path.exists() else Catalog(locale=language)
    new = Catalog(locale=language, domain="django", fuzzy=False, header_comment=HEADER)
    for message in template:
        if message.id:
            known = old.get(message.id, message.context)
            words = known.string if known and not known.fuzzy else None
            new.add(message.id, words, message.locations, (), message.auto_comments, context=message.context)
    return new


def written(catalog: Catalog) -> bytes:
    """The catalogue as text: sorted, and without anything that changes when nothing did."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, sort_output=True, include_lineno=False, omit_header=True, width=120)
    plural = f'"Plural-Forms: {catalog.plural_forms}\\n"\n'
    head = (
        f'{HEADER}msgid ""\nmsgstr ""\n"Language: {catalog.locale_identifier}\\n"\n{plural}"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    )
    return head.encode() + buffer.getvalue()


def compiled(text: bytes, language: str) -> bytes:
    """The catalogue as gettext reads it, the same bytes whenever it is made."""
    catalog = read_po(io.BytesIO(text), locale=language)
    catalog.creation_date = catalog.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def problems(catalog: Catalog) -> Iterator[str]:
    """Messages without a translation, and translations that would break or lie."""
    for message in catalog:
        if not message.id:
            continue
        sources = [message.id] if isinstance(message.id, str) else list(message.id)
        words = [message.string] if isinstance(message.string, str) else list(message.string or ())
        if not words or not all(words):
            yield f"not translated: {sources[0]!r}"
        elif any(_placeholders(word) not in map(_placeholders, sources) for word in words):
            yield f"placeholders differ: {sources[0]!r}"
        elif any(re.search(r"<\w[^<>]*\N{NO-BREAK SPACE}", word) for word in words):
            yield f"a no-break space in a tag, which is no tag then: {sources[0]!r}"


def _placeholders(text: str) -> set[str]:
    named = set(re.findall(r"%\((\w+)\)[sd]", text))
    with suppress(ValueError):  # a brace that is only a brace
        named.update(field for _text, field, _spec, _conversion in string.Formatter().parse(text) if field)
    return named


def main(arguments: list[str]) -> int:
    """Write the catalogues, or with --check say what is wrong with them."""
    django.setup()
    wrong: list[str] = []
    template = collect()
    for language, _name in settings.LANGUAGES:
        if language == "en":
            continue
        path = catalogue(language)
        catalog = merged(language, template)
        text = written(catalog)
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
            path.with_suffix(".mo").write_bytes(compiled(text, language))
        elif not path.exists() or path.read_bytes() != text:
            wrong.append(f"{path.relative_to(HOUSE)} is not what the sources say: run `make messages`")
        elif not path.with_suffix(".mo").exists() or path.with_suffix(".mo").read_bytes() != compiled(text, language):
            wrong.append(f"{path.relative_to(HOUSE)} is not compiled: run `make messages`")
        wrong += [f"{language}: {problem}" for problem in problems(catalog)]
    print("\n".join(wrong))
    return 1 if wrong and "--check" in arguments else 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    sys.exit(main(sys.argv[1:]))
