"""What a file is that is named like an image and is none."""

import re

KINDS = (  # by how they begin after blanks
    (rb"%PDF", "a PDF"),
    (rb"\xc5\xd0\xd3\xc6|%!PS", "PostScript"),
    (rb"(?i)<(!doctype )?html", "a web page"),
    (rb"<.*?svg", "an SVG drawing"),
    (rb"<", "markup"),
    (rb"\x00\x00\x01\x00", "an icon"),
    (rb".{4}ftypavi[fs]", "an AVIF image"),
    (rb".{4}ftyp(hei|hev|mif|msf)", "a HEIC image"),
    (rb".{4}ftyp", "a film"),
    (rb"PK\x03\x04", "a zip archive"),
    (rb"\x1f\x8b", "a gzip archive"),
    (rb"8BPS", "a Photoshop document"),
    (rb"\x7fELF|MZ", "a program"),
    (rb"\x89PNG|\xff\xd8\xff|RIFF....WEBP|GIF8|II[*+]\x00|MM\x00[*+]|BM", "its header is damaged"),
    (rb"[\t\n\r\x20-\x7e\x80-\xff]+\Z", "text"),
)


def kind_of(start: bytes) -> str:
    """In words, from its first bytes.

    >>> kind_of(b""), kind_of(b"%PDF-1.7"), kind_of(b" hello"), kind_of(b"<?xml?><svg>"), kind_of(bytes(8))
    ('empty', 'a PDF', 'text', 'an SVG drawing', 'nothing known')
    """
    if not start:
        return "empty"
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n") or b" "
    return next((kind for pattern, kind in KINDS if re.match(pattern, start, re.DOTALL)), "nothing known")
