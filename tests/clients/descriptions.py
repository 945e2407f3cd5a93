"""The committed descriptions, as the parsers and linters of others read them: AsyncAPI's own parser, and Redocly's rules."""

import pathlib
import subprocess

FOLDER = pathlib.Path(__file__).parent


def check():
    subprocess.run(["node", "descriptions.mjs"], check=True, cwd=FOLDER)
