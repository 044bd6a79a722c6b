"""How many examples a property gets: its weight, times what the profile of conftest.py allows."""

from hypothesis import settings


def examples(weight: float) -> settings:
    """For a property that is worth `weight` times as many examples as others."""
    base = settings.default
    assert base is not None
    return settings(max_examples=max(1, round(weight * base.max_examples)), deadline=None)
