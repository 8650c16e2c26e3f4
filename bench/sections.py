"""A Markdown document of sections ("## Title"), of which each measurement writes its own. Pure."""

import re

_heading = re.compile(r"^## ", re.MULTILINE)


def put(text: str, section: str) -> str:
    """The document with this section in place of the one of its title, or at the end."""
    head, *sections = _split(text)
    title = _title(section)
    new = section.rstrip("\n") + "\n"
    if title not in map(_title, sections):
        return _join(head, [*sections, new])
    return _join(head, [new if _title(old) == title else old for old in sections])


def keep_others(text: str, before: str) -> str:
    """The document `text`, and after it the sections of `before` that it has not."""
    for section in _split(before)[1:]:
        if _title(section) not in map(_title, _split(text)[1:]):
            text = put(text, section)
    return text


def _split(text: str) -> list[str]:
    """What stands before the first section, then each section."""
    starts = [match.start() for match in _heading.finditer(text)]
    return [text[begin:end] for begin, end in zip([0, *starts], [*starts, len(text)], strict=True)]


def _title(section: str) -> str:
    return section.partition("\n")[0]


def _join(head: str, sections: list[str]) -> str:
    parts = [part.strip("\n") for part in (head, *sections)]
    return "\n\n".join(part for part in parts if part) + "\n"
