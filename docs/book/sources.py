"""mdBook preprocessor: a link out of the book becomes the path it leads to; a link to nothing ends the build.

Pages are read in two places, the repository and the book. In the repository a link to a source file works; in the book
there is no source, so the path is shown instead.
"""

import json
import os
import re
import sys
from pathlib import Path

LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")


def chapters(items):
    """Every chapter, those within others too."""
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if chapter is not None:
            yield chapter
            yield from chapters(chapter["sub_items"])


def rewrite(text, page, root, pages, dead):
    """The text of a page whose links all lead somewhere in the book."""

    def link(match):
        words, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match.group()
        path = (root / page).parent / target.split("#")[0]
        if not path.exists():
            dead.append(f"{page}: {target}")
            return match.group()
        path = path.resolve()
        is_page = path.suffix == ".md" or path.is_dir()
        if path in pages or (path.is_relative_to(root) and not is_page):
            # mdBook calls a README index, and pages may come to a neighbour by way of the repository's root.
            path = path.with_name("index.md") if path.name == "README.md" else path
            near = os.path.relpath(path, (root / page).parent)
            return f"[{words}]({'#'.join([near, *target.split('#')[1:]])})"
        shown = f"`{path.relative_to(root.parent)}`"
        # Half of the links to sources have the path as their words already.
        return shown if words.strip("`") == shown.strip("`") else f"{words}({shown})"

    is_code, lines = False, []
    for line in text.split("\n"):
        is_code ^= line.lstrip().startswith("```")
        lines.append(line if is_code else LINK.sub(link, line))
    return "\n".join(lines)


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    context, book = json.load(sys.stdin)
    root = Path(context["root"]).resolve()
    found = [it for it in chapters(book["items"]) if it.get("source_path")]
    pages = {(root / it["source_path"]).resolve() for it in found}
    dead = []
    for chapter in found:
        chapter["content"] = rewrite(chapter["content"], chapter["source_path"], root, pages, dead)
    if dead:
        sys.exit("links that lead nowhere:\n  " + "\n  ".join(dead))
    json.dump(book, sys.stdout)


if __name__ == "__main__":
    main()
