"""A mail's HTML as a mail program reads it, for the tests of whoever writes mails."""

from html.parser import HTMLParser


class MailPage(HTMLParser):
    """What a mail program would find: tags, addresses, text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: set[str | None] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag, and what it leads to or would load."""
        self.tags.add(tag)
        self.addresses |= {value for key, value in attrs if key in ("href", "src", "background")}

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.text += data
