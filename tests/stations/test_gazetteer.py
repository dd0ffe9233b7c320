"""Towns by their names."""

import pytest

from stations import gazetteer


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("opava", "Opava"),
        ("USTI NAD LABEM", "Ústí nad Labem"),
        ("ústí-nad-lab", "Ústí nad Labem"),
        ("Plzeň", "Plzeň"),
        ("plzen", "Plzeň"),
        ("prague", "Praha"),
        ("wien", "Vienna"),
        ("bratislava", "Bratislava"),
    ],
)
def test_accents_case_and_language_do_not_matter(text, name):
    assert gazetteer.find(text)[0].name == name


@pytest.mark.parametrize("text", ["", "x", "  ", "zzzzzz", "%", "\0", "o" * 500])
def test_nothing_is_found_for_what_is_no_town(text):
    assert gazetteer.find(text) == []


def test_a_whole_name_comes_before_larger_towns_that_only_begin_so():
    assert gazetteer.find("most")[0].name == "Most"
    assert len(gazetteer.find("ha")) == gazetteer.MOST
