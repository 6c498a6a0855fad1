"""One page of HTML about a bag that holds everything it shows and opens without a network."""

import base64
import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np

from controllers.errors import InvalidValue
from evaluation.view.figures import Picture, draw
from evaluation.view.survey import Survey, survey_bag

# A larger video is linked, not held.
LARGEST_VIDEO = 25_000_000
VIDEOS = ("run.mp4", "video.mp4")
PICTURES = ("run.png",)
# Nothing that a bag's texts could smuggle in may run or load anything.
POLICY = "default-src 'none'; img-src data:; media-src data: file:; style-src 'unsafe-inline'"
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; background: #fff; margin: 2rem auto; max-width: 70rem;
  padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem } th, td { text-align: left; padding: 0.15rem 0.6rem;
  border-bottom: 1px solid #eee; vertical-align: top; overflow-wrap: anywhere } td.n, th.n { text-align: right }
th { background: #f5f5f5 } figure { margin: 1rem 0 } img, video { max-width: 100%; height: auto }
figcaption { font-weight: 600 } nav a { margin-right: 1rem } code, pre { font-size: 0.85rem }
.warn td:nth-child(3), .warn .level { color: #8a5a00 } .error td:nth-child(3), .error .level { color: #b00020;
  font-weight: 600 } .stale .level { color: #666 } pre { white-space: pre-wrap }
"""


def write_page(bag: Path, out: Path, video: Path | None = None) -> Survey:
    """Look at a bag and write the page about it.

    Args:
        bag: Folder of a bag, or one of its files.
        out: The HTML file; its folder is made.
        video: Video of the run; None looks for one beside the bag.

    Returns:
        What is in the bag.

    Raises:
        InvalidValue: There is nothing that can be read, or the video does not exist.
    """
    if video is not None and not video.is_file():
        raise InvalidValue(f"there is no video '{video}'")
    survey = survey_bag(bag)
    out.parent.mkdir(parents=True, exist_ok=True)
    film = video or _beside(bag, VIDEOS)
    still = _beside(bag, PICTURES)
    out.write_text(render(survey, draw(survey), film, still, out.parent), encoding="utf-8")
    return survey


def _beside(bag: Path, names: Sequence[str]) -> Path | None:
    folder = bag.resolve() if bag.is_dir() else bag.resolve().parent
    places = (place / name for place in (folder, folder.parent) for name in names)
    return next((place for place in places if place.is_file()), None)


def render(survey: Survey, pictures: Sequence[Picture], film: Path | None, still: Path | None, folder: Path) -> str:
    """Write the page.

    Args:
        survey: What is in the bag.
        pictures: Figures.
        film: A video, or None.
        still: A picture that a report left beside the bag, or None.
        folder: Where the page will lie; a large video is linked from there.

    Returns:
        The page.
    """
    name = survey.path.resolve().name
    sections = [
        ("summary", "Summary", _summary(survey)),
        ("video", "Video", _video(film, folder)),
        ("damages", "Damaged or missing", _list(survey.damages)),
        ("events", "Events", _events(survey)),
        ("health", "Diagnostics", _health(survey)),
        ("topics", "Topics", _topics(survey)),
        ("figures", "Figures", _figures(pictures, still)),
        ("recording", "What the recorder noted", _notes(survey)),
    ]
    shown = [(key, title, body) for key, title, body in sections if body]
    links = "".join(f'<a href="#{key}">{escape(title)}</a>' for key, title, _ in shown)
    bodies = "\n".join(f'<section id="{key}"><h2>{escape(title)}</h2>\n{body}</section>' for key, title, body in shown)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(name)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(name)}</h1>\n<nav>{links}</nav>\n{bodies}\n"
        f"</body>\n</html>\n"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    right = set(numbers)

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=' + chr(34) + 'n' + chr(34) if k in right else ''}>{escape(text)}</{tag}>"
            for k, text in enumerate(row)
        )

    body = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table>\n<thead><tr>{cells('th', head)}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n"


def _summary(survey: Survey) -> str:
    start = datetime.fromtimestamp(survey.start_ns * 1e-9, tz=timezone.utc)
    worst = [name for name, health in sorted(survey.health.items()) if health.level in ("error", "stale")]
    rows = [
        ("first message", f"{start:%Y-%m-%d %H:%M:%S} UTC"),
        ("length", f"{survey.duration:.2f} s"),
        ("messages", f"{sum(t.count for t in survey.topics.values())} on {len(survey.topics)} topics"),
        ("size of the messages", f"{sum(t.bytes for t in survey.topics.values()) / 1e6:.1f} MB"),
        ("condition", "whole" if not survey.damages else f"{len(survey.damages)} remarks, see below"),
        ("ended in error or stale", ", ".join(worst) or "nothing that reported"),
    ]
    return _table(("", ""), rows)


def _video(film: Path | None, folder: Path) -> str:
    if film is None:
        return ""
    size = film.stat().st_size
    if size > LARGEST_VIDEO:
        link = quote(os.path.relpath(film, folder))
        return f'<p><a href="{link}">{escape(film.name)}</a> ({size / 1e6:.0f} MB; it lies beside this page)</p>\n'
    data = base64.b64encode(film.read_bytes()).decode()
    return f'<video controls muted src="data:video/mp4;base64,{data}"></video>\n'


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>\n" if lines else ""


def _events(survey: Survey) -> str:
    if not survey.events:
        return ""
    rows = "\n".join(
        f'<tr class="{escape(e.level)}"><td class="n">{e.time:.2f}</td><td>{escape(e.source)}</td>'
        f"<td>{escape(e.text)}</td></tr>"
        for e in survey.events
    )
    rest = f"<p>{survey.events_left_out} more were left out.</p>\n" if survey.events_left_out else ""
    head = '<thead><tr><th class="n">time [s]</th><th>source</th><th>what</th></tr></thead>'
    return f"<table>\n{head}\n<tbody>\n{rows}\n</tbody>\n</table>\n{rest}"


def _health(survey: Survey) -> str:
    parts = []
    for name, health in sorted(survey.health.items()):
        counts = ", ".join(f"{count} × {level}" for level, count in health.reports.items())
        values = _table(("last value", ""), sorted(health.values.items()))
        parts.append(
            f'<details class="{escape(health.level)}"><summary><code>{escape(name)}</code> '
            f'<span class="level">{escape(health.level)}</span>: {escape(health.message)} ({escape(counts)})</summary>'
            f"{values}</details>\n"
        )
    return "".join(parts)


def _topics(survey: Survey) -> str:
    head = ("topic", "type", "messages", "rate [Hz]", "longest gap [s]", "first [s]", "last [s]", "kB")
    rows = [
        (
            t.topic,
            t.type,
            str(t.count),
            f"{t.rate:.1f}" if np.isfinite(t.rate) else "–",
            f"{t.longest_gap:.3f}" if t.count > 1 else "–",
            f"{t.first:.2f}" if t.count else "–",
            f"{t.last:.2f}" if t.count else "–",
            f"{t.bytes / 1e3:.0f}",
        )
        for t in sorted(survey.topics.values(), key=lambda t: t.topic)
    ]
    return _table(head, rows, range(2, 8))


def _figures(pictures: Sequence[Picture], still: Path | None) -> str:
    images = [(picture.title, "image/svg+xml", picture.svg) for picture in pictures]
    if still is not None:
        images.insert(0, (f"{still.name}, left by the report of the run", "image/png", still.read_bytes()))
    return "".join(
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<img alt="{escape(title)}" src="data:{kind};base64,{base64.b64encode(data).decode()}"></figure>\n'
        for title, kind, data in images
    )


def _notes(survey: Survey) -> str:
    parts = []
    for key, values in sorted(survey.notes.items()):
        lines = "\n".join(f"{name}: {value}" for name, value in sorted(values.items()))
        parts.append(f"<details><summary>{escape(key)}</summary><pre>{escape(lines)}</pre></details>\n")
    return "".join(parts)
