"""Reading back what a PDF of ours says: enough of the format for the library that writes them, and no more."""

import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\s(.*?)endobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*?)\nendstream", re.DOTALL)
_FONT = re.compile(rb"/(F\d+) (\d+) 0 R")
_WORDS = re.compile(rb"/(F\d+) [\d.]+ Tf|\((.*?)(?<!\\)\)\s*Tj|\[(.*?)(?<!\\)\]\s*TJ", re.DOTALL)
_ESCAPE = re.compile(rb"\\([nrtbf()\\]|[0-7]{1,3})")
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def pages(paper: bytes) -> list[str]:
    """The text of every page, pieces divided by line ends, no-break spaces as spaces."""
    objects = {int(number): body for number, body in _OBJECT.findall(paper)}
    fonts = {name.decode(): _letters(objects, int(number)) for body in objects.values() for name, number in _FONT.findall(body)}
    found = []
    for body in objects.values():
        if re.search(rb"/Type /Page\b", body):
            contents = re.search(rb"/Contents (\d+) 0 R", body)
            assert contents
            found.append(_text(_stream(objects[int(contents[1])]), fonts))
    return found


def _stream(body: bytes) -> bytes:
    content = _STREAM.search(body)
    assert content
    return zlib.decompressobj().decompress(content[1]) if b"/FlateDecode" in body else content[1]  # its last byte may be a \r


def _letters(objects: dict[int, bytes], number: int) -> dict[int, str]:
    """Which letter each code of a font stands for."""
    named = re.search(rb"/ToUnicode (\d+) 0 R", objects[number])
    if not named:
        return {}
    table = _stream(objects[int(named[1])])
    return {
        int(code, 16): bytes.fromhex(letter.decode()).decode("utf-16-be") for code, letter in re.findall(rb"<(\w{4})> <(\w+)>\n", table)
    }


def _text(content: bytes, fonts: dict[str, dict[int, str]]) -> str:
    letters: dict[int, str] = {}
    pieces = []
    for font, whole, parts in _WORDS.findall(content):
        if font:
            letters = fonts[font.decode()]
            continue
        strings = [whole] if whole else re.findall(rb"\((.*?)(?<!\\)\)", parts, re.DOTALL)
        codes = b"".join(_ESCAPE.sub(_unescaped, string) for string in strings)
        pieces.append("".join(letters.get(int.from_bytes(codes[at : at + 2]), "?") for at in range(0, len(codes), 2)))
    return "\n".join(pieces).replace("\u00a0", " ")


def _unescaped(escape: re.Match[bytes]) -> bytes:
    said = escape[1]
    return _NAMED.get(said) or (bytes([int(said, 8)]) if said.isdigit() else said)
