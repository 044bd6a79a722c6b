"""The frame of all pages: where they lead, and how a template is put into it."""

from collections.abc import Iterator
from importlib.resources import files

from bottle import SimpleTemplate


def framed(name: str, /, *, has_control: bool, has_admin_key: bool, **values: object) -> str:
    """The page that a template makes of these values within the frame."""
    folder = str(files("disorderbook.site") / "templates")
    places = list(_places(has_control, has_admin_key))
    return str(
        SimpleTemplate(name=f"{name}.tpl", lookup=[folder]).render(
            places=places, has_admin_key=has_admin_key, **values
        )
    )


def _places(has_control: bool, has_admin_key: bool) -> Iterator[tuple[str, str]]:
    """Where every page leads: paths and their names."""
    yield "/", "Market"
    yield "/venues", "Overview"
    yield "/scores", "Scores"
    yield "/levels", "Levels"
    if has_control:
        yield "/control", "Control"
    if has_admin_key:
        yield "/admin", "Admin"
