"""How numbers and labels are worded wherever the page shows them."""

_LONGEST_ABBREVIATION = 4


def as_percent(part: float) -> str:
    """0.1234 as `12.3 %`."""
    return f"{part * 100:.1f} %"


def shown_label(label: str) -> str:
    """A label as technicians write it: short ones are abbreviations."""
    return label.upper() if len(label) <= _LONGEST_ABBREVIATION else label
