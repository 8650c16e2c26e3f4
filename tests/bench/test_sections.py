from bench.sections import keep_others, put

TEXT = "# Results\n\nTaken today.\n\n## One\n\n1\n\n## Two\n\n2\n"


def test_a_section_takes_the_place_of_its_title_or_the_end() -> None:
    assert put(TEXT, "## One\n\n10") == TEXT.replace("\n1\n", "\n10\n")
    assert put(TEXT, "## Three\n\n3\n") == f"{TEXT}\n## Three\n\n3\n"
    assert put("", "## One\n\n1\n") == "## One\n\n1\n"


def test_sections_of_others_stay() -> None:
    assert keep_others("# New\n\n## Two\n\n20\n", TEXT) == "# New\n\n## Two\n\n20\n\n## One\n\n1\n"
    assert keep_others(TEXT, "") == TEXT
