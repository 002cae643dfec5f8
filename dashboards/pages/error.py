"""The page for what went wrong."""

from dataclasses import dataclass

from dashboards.rendering.languages import Words, message

TITLES = {
    400: message("That request could not be read"),
    401: message("Sign in first"),
    403: message("Not allowed"),
    404: message("Nothing is here"),
    405: message("That request could not be read"),
    409: message("Not now"),
    413: message("Too large"),
    422: message("That request could not be read"),
    503: message("The database cannot be used"),
}
# A page says these in its own language; other errors say what they have to say themselves.
SENTENCES = {
    401: message("This page asks who you are: sign in with your token."),
    403: message("Your token may not do this, or the form was too old. Open the page again, or ask an admin."),
    405: message("This address does not answer that kind of request."),
}
NO_PAGE = message("There is no such page. The list of experiments has every one that exists.")
OTHER = message("Something went wrong here")


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """One trouble: its number, its name and a sentence with the cure."""

    status: int
    title: str
    sentence: str


def error_page(status: int, sentence: str, words: Words) -> ErrorPage:
    """The page of this status."""
    return ErrorPage(status, words.say(TITLES.get(status, OTHER)), words.say(SENTENCES.get(status, sentence)))
