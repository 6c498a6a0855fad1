"""What the documentation tells its readers to type: code blocks and commands, each with the place where it stands."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted(DOCS.rglob("*.md"))
# What a block may say of its commands. Blocks without a caption are run by a test, as they stand.
CAPTIONS = ("takes minutes", "needs a robot", "needs ROS 2", "needs Docker", "exit code 1")
# Programs whose commands are looked for in running text.
PROGRAMS = ("pronk", "make", "python", "pytest", "ros2", "docker", "pip", "apt-get", "colcon", "export", ".")
FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>.*)$")
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language or directive, caption, text, and the line of its fence."""

    path: Path
    line: int
    language: str
    caption: str
    text: str

    @property
    def place(self):
        return f"{self.path.relative_to(ROOT).as_posix()}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command: its words, the block that holds it (None in running text), and its line as it stands."""

    path: Path
    line: int
    words: tuple[str, ...]
    block: Block | None
    text: str

    @property
    def place(self):
        return f"{self.path.relative_to(ROOT).as_posix()}:{self.line}"


def split(path):
    """Blocks of a page, and the page without them; lines keep their numbers."""
    blocks, outside, open_block = [], [], None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = FENCE.match(line)
        if open_block is None and found:
            open_block = (number, found["fence"], found["info"].strip(), [])
            outside.append("")
        elif open_block is None:
            outside.append(line)
        else:
            outside.append("")
            begin, fence, info, lines = open_block
            if found and found["fence"].startswith(fence) and not found["info"]:
                blocks.append(_block(path, begin, info, lines))
                open_block = None
            else:
                lines.append(line)
    assert open_block is None, f"{path}:{open_block[0]}: the block is never closed"
    return blocks, outside


def _block(path, line, info, lines):
    directive = re.fullmatch(r"\{code-block\} (\w+)", info)
    caption = ""
    if directive:
        while lines and lines[0].startswith(":"):
            name, _, value = lines.pop(0)[1:].partition(":")
            caption = value.strip() if name == "caption" else caption
        while lines and not lines[0].strip():
            lines.pop(0)
    return Block(path, line, directive[1] if directive else info, caption, "\n".join(lines) + "\n")


def blocks(path, language=None):
    """Blocks of a page, in a language."""
    return [block for block in split(path)[0] if language in (None, block.language)]


def commands():
    """Every command of the pages and of the README."""
    found = []
    for path in (*PAGES, README):
        inside, outside = split(path)
        for block in inside:
            if block.language == "bash":
                found += _commands_of(block)
        for paragraph, line in _paragraphs(outside):
            for span in SPAN.finditer(paragraph):
                text = " ".join(span[1].split())
                words = _words(text)
                if words and words[0] in PROGRAMS and len(words) > 1:
                    at = line + paragraph[: span.start()].count("\n")
                    found.append(Command(path, at, words, None, paragraph.splitlines()[at - line]))
    return found


def _commands_of(block):
    number, pending, begin = block.line + 1 + (block.caption != "") * 2, "", 0
    for offset, line in enumerate(block.text.splitlines()):
        begin = begin if pending else number + offset
        pending += line
        if pending.endswith("\\"):
            pending = pending[:-1] + " "
            continue
        words = _words(pending)
        if words:
            yield Command(block.path, begin, words, block, pending)
        pending = ""


def _words(text):
    """Words of a command without comment and without variables that are set for it."""
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return ()
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return tuple(words)


def _paragraphs(lines):
    """Text between empty lines, and rows of tables each for themselves, with the number of the first line."""
    gathered, begin = [], 0
    for number, line in enumerate([*lines, ""], 1):
        if gathered and (not line.strip() or line.startswith("|")):
            yield "\n".join(gathered), begin
            gathered = []
        if line.strip():
            begin = begin if gathered else number
            gathered.append(line)
