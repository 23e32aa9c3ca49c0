"""What messages for authors of workflows have to be."""


def one_sentence(error) -> str:
    """Return the text of an error that a test has caught, which is one line."""
    text = str(error.value)
    assert "\n" not in text
    return text
