"""A field and what is wrong with it, for those who hear the page."""

import re

from django import forms
from django.template.loader import render_to_string


class Password(forms.Form):
    secret = forms.CharField(help_text="Long is good.")
    is_sure = forms.BooleanField()


def test_a_field_leads_to_its_help_and_to_what_is_wrong_with_it():
    form = Password({})
    form.add_error("secret", "Too short.")
    form.add_error("secret", "Too common.")
    for name, wrong in (("secret", 3), ("is_sure", 1)):
        html = render_to_string("components/_field.html", {"field": form[name]})
        ids = re.findall(r' id="([^"]+)"', html)
        [led_to] = re.findall(r'aria-describedby="([^"]+)"', html)
        assert 'aria-invalid="true"' in html
        assert html.count('class="field__error"') == wrong
        assert sorted(ids) == sorted({*led_to.split(), f"id_{name}"})
