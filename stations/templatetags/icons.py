"""Icons in the text: `{% icon "zap" %}` writes the drawing itself, so it takes the colour around it and needs no request."""

import re
from functools import cache

from django import template
from django.conf import settings
from django.forms.utils import flatatt
from django.template import TemplateSyntaxError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

FOLDER = settings.BASE_DIR / "static/vendor/lucide/icons"
_SHAPE = re.compile(r"<(path|circle|rect|line|polyline|polygon|ellipse)\s+([^>]*?)/?>", re.DOTALL)
_ATTRIBUTE = re.compile(r'([a-z0-9-]+)="([^"]*)"')


@cache
def drawing(name: str) -> SafeString:
    """The shapes of one icon. A name that is not there is a mistake in a template, found by the first test that renders it."""
    file = FOLDER / f"{name}.svg"
    if not re.fullmatch(r"[a-z0-9-]+", name) or not file.is_file():
        raise TemplateSyntaxError(f"No icon {name!r} in static/vendor/lucide/icons; copy it there from lucide-static.")
    shapes = ((shape[1], flatatt(dict(_ATTRIBUTE.findall(shape[2])))) for shape in _SHAPE.finditer(file.read_text()))
    return format_html_join("", "<{}{}/>", shapes)


@register.simple_tag
def icon(name: str, classes: str = "", *, filled: bool = False, label: str = "") -> SafeString:
    """An icon beside a word, hidden from those who hear the page; with `label` it stands for itself."""
    spin = "spin" if name == "loader-circle" else ""
    class_names = " ".join(filter(None, ["icon", "icon--filled" if filled else "", spin, classes]))
    spoken = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true" focusable="false"')
    return format_html(
        '<svg class="{}" viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" stroke-width="2"'
        ' stroke-linecap="round" stroke-linejoin="round" {}>{}</svg>',
        class_names,
        spoken,
        drawing(name),
    )
