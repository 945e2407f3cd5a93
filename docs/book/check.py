"""Follows every link of the built book, anchors too: python3 docs/book/check.py target/book."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, and what in it can be linked to."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.ids.add(known.get("id"))
        link = known.get("href") or known.get("src")
        if link is not None:
            self.links.append(link)


def main(folder):
    root = Path(folder).resolve()
    pages = {it: Page(it.read_text(encoding="utf-8")) for it in root.rglob("*.html")}
    dead, n_links = [], 0
    for path, page in pages.items():
        # It is shown at any address, so its links start elsewhere.
        if path.name == "404.html":
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            n_links += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            is_there = target.is_file() and target.is_relative_to(root)
            anchor = unquote(parts.fragment)
            if not is_there or (anchor and target in pages and anchor not in pages[target].ids):
                dead.append(f"{path.relative_to(root)}: {link}")
    if dead or not pages:
        sys.exit("dead links:\n  " + "\n  ".join(dead))
    print(f"{len(pages)} pages, {n_links} links, none dead")


if __name__ == "__main__":
    main(sys.argv[1])
