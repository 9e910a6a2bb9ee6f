"""Days of visitors as a small picture: a bar a day, views with the scans among them."""

from collections.abc import Sequence
from datetime import date

WIDTH, HEIGHT = 640, 200
_TOP, _BOTTOM, _LEFT = 34, 26, 8
_VIEWS, _SCANS, _INK = "#c7bba8", "#7a2e1d", "#5f5a52"

Day = tuple[date, int, int]
"""A day in UTC, its views, its scans."""


def chart(days: Sequence[Day]) -> str:
    """An SVG document of at least one day; the numbers are in its titles, for who cannot see it."""
    most = max(max(views, scans) for _, views, scans in days)
    step = (WIDTH - 2 * _LEFT) / len(days)
    bars = "".join(_bar(n, day, step, max(most, 1)) for n, day in enumerate(days))
    views, scans = sum(day[1] for day in days), sum(day[2] for day in days)
    said = f"Views: {views}, scans: {scans}, from {days[0][0]} to {days[-1][0]}"
    base = HEIGHT - _BOTTOM
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-labelledby="said" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{_INK}">'
        f'<title id="said">{said}</title>'
        f'<rect x="{_LEFT}" y="8" width="10" height="10" rx="2" fill="{_VIEWS}"/>'
        f'<text x="{_LEFT + 16}" y="17">Views: {views}</text>'
        f'<rect x="{_LEFT + 120}" y="8" width="10" height="10" rx="2" fill="{_SCANS}"/>'
        f'<text x="{_LEFT + 136}" y="17">Scans: {scans}</text>'
        f'<text x="{WIDTH - _LEFT}" y="17" text-anchor="end">Most on a day: {most}</text>'
        f"{bars}"
        f'<path d="M{_LEFT} {base}.5H{WIDTH - _LEFT}" stroke="{_INK}" stroke-opacity=".4"/>'
        f'<text x="{_LEFT}" y="{HEIGHT - 8}">{days[0][0]}</text>'
        f'<text x="{WIDTH - _LEFT}" y="{HEIGHT - 8}" text-anchor="end">{days[-1][0]}</text>'
        "</svg>"
    )


def _bar(n: int, day: Day, step: float, most: int) -> str:
    date, views, scans = day
    if not views and not scans:
        return ""
    left, wide = _LEFT + n * step + step * 0.14, step * 0.72
    rects = "".join(
        _rect(left, wide, count / most, colour)
        for count, colour in ((views, _VIEWS), (scans, _SCANS))
        if count
    )
    return f"<g><title>{date}: views {views}, scans {scans}</title>{rects}</g>"


def _rect(left: float, wide: float, share: float, colour: str) -> str:
    high = max(share * (HEIGHT - _TOP - _BOTTOM), 1.5)
    top = HEIGHT - _BOTTOM - high
    return (
        f'<rect x="{left:.2f}" y="{top:.2f}" width="{wide:.2f}" height="{high:.2f}" '
        f'fill="{colour}"/>'
    )
