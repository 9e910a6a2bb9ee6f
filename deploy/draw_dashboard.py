"""`python deploy/draw_dashboard.py DASHBOARD PROMETHEUS OUT [MINUTES] [ROWS]`: a dashboard as SVG.

Draws its panels with what a Prometheus has, so that a document can show it without a Grafana. ROWS
leaves out panels that begin below that many of Grafana's rows.
"""

import json
import math
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

COLUMN, ROW, GAP = 50, 28, 10
BOLD_LETTER = 8.2  # as wide as one is on average in the widest of the fonts below
POINTS = 150
COLOURS = ("#7a2e1d", "#2f5d62", "#c08a2e", "#5b4b8a", "#5e7d3a", "#b0596a", "#3d6ea5", "#8a8274")
STYLE = """
svg{background:#f3eee4}.p{fill:#fffdf9;stroke:#d8cfc0}.g{stroke:#ece5d8}
text{fill:#1d1b18;font-size:13px}.t{font-weight:600}.s{fill:#5f5a52;font-size:11.5px}
.v{font-size:30px;font-weight:600}.l{fill:none;stroke-width:1.8;stroke-linejoin:round}"""

Series = tuple[str, list[tuple[float, float]]]
Ask = Callable[[str], list[dict[str, Any]]]


def asked(prometheus: str, expression: str, minutes: float) -> list[dict[str, Any]]:
    """Its series over the last minutes. Raises `URLError`, and `KeyError` for a refusal."""
    now = time.time()
    question = {
        "query": expression.replace("$__rate_interval", "1m"),
        "start": now - minutes * 60,
        "end": now,
        "step": minutes * 60 / POINTS,
    }
    with urlopen(f"{prometheus}/api/v1/query_range?{urlencode(question)}", timeout=30) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found


def legend_of(form: str, labels: Mapping[str, str]) -> str:
    """What a line is called; a label that it lacks leaves nothing, as in Grafana."""
    return re.sub(r"\{\{(\w+)\}\}", lambda name: labels.get(name[1], ""), form).strip()


def series_of(panel: dict[str, Any], ask: Ask) -> list[Series]:
    """Each line's legend and points; a gap in it is left out."""
    lines = []
    for target in panel["targets"]:
        for found in ask(target["expr"]):
            legend = legend_of(target["legendFormat"], found["metric"])
            points = [(at, float(value)) for at, value in found["values"] if value != "NaN"]
            if points:
                lines.append((legend, points))
    return lines


def shown(value: float, unit: str) -> str:
    """A number as people read it; units are those of Grafana that the dashboards use."""
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "s":
        steps = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
        size, name = next(((s, n) for s, n in steps if value >= s), (0.001, "ms"))
        return f"{value / size:.3g} {name}"
    if unit == "bytes":
        return f"{value / 2**20:.3g} MiB"
    number = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
    return number + {"reqps": " req/s", "ops": "/s"}.get(unit, "")


def stat(lines: Sequence[Series], unit: str, width: int, height: int) -> str:
    """The last value of each line, large, with its legend where there are several."""
    told = [(shown(points[-1][1], unit), legend) for legend, points in lines]
    value = escape(" · ".join(text for text, _ in told) or "no data")
    below = escape(" · ".join(legend for _, legend in told))
    middle = height / 2
    return (
        f'<text class="v" x="{width / 2}" y="{middle + 18}" text-anchor="middle">{value}</text>'
        f'<text class="s" x="{width / 2}" y="{middle + 38}" text-anchor="middle">{below}</text>'
    )


def chart(lines: Sequence[Series], unit: str, width: int, height: int) -> str:
    """Lines over time, from 0, with a legend below."""
    if not lines:
        return (
            f'<text class="s" x="{width / 2}" y="{height / 2}" text-anchor="middle">no data</text>'
        )
    left, top, right, bottom = 74, 36, width - 14, height - 34
    first = min(at for _, points in lines for at, _ in points)
    last = max(at for _, points in lines for at, _ in points)
    step, steps = scale(max(value for _, points in lines for _, value in points))
    highest = step * steps
    drawn = []
    for n in range(steps + 1):
        y = bottom - (bottom - top) * n / steps
        label = escape(shown(step * n, unit))
        drawn.append(f'<path class="g" d="M{left} {y:.1f}H{right}"/>')
        drawn.append(
            f'<text class="s" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
        )
    for (_, points), colour in zip(lines, COLOURS * len(lines), strict=False):
        path = "L".join(
            f"{left + (right - left) * (at - first) / ((last - first) or 1):.1f} "
            f"{bottom - (bottom - top) * value / highest:.1f}"
            for at, value in points
        )
        drawn.append(f'<path class="l" stroke="{colour}" d="M{path}"/>')
    return "".join(drawn) + legends([legend for legend, _ in lines], left, height - 12, right)


def scale(highest: float) -> tuple[float, int]:
    """A round step, and how many of them reach to the highest value: three to six."""
    magnitude = 10.0 ** math.floor(math.log10(highest)) if highest > 0 else 1.0
    sizes = (0.2, 0.25, 0.5, 1, 2)
    step = next(size * magnitude for size in sizes if size * magnitude * 5 >= highest)
    return step, max(3, math.ceil(highest / step))


def heading(title: str, room: int) -> str:
    """A panel's title, pressed together where it would be wider than its panel."""
    pressed = f' textLength="{room}" lengthAdjust="spacingAndGlyphs"'
    fits = len(title) * BOLD_LETTER <= room
    return f'<text class="t" x="14" y="22"{"" if fits else pressed}>{escape(title)}</text>'


def legends(names: Sequence[str], x: float, y: int, right: int) -> str:
    """As many as there is room for."""
    drawn = []
    for name, colour in zip(names, COLOURS * len(names), strict=False):
        if x + 20 + len(name) * 6.4 > right:
            drawn.append(f'<text class="s" x="{x:.0f}" y="{y}">…</text>')
            break
        drawn.append(f'<rect x="{x:.0f}" y="{y - 8}" width="12" height="4" fill="{colour}"/>')
        drawn.append(f'<text class="s" x="{x + 17:.0f}" y="{y}">{escape(name)}</text>')
        x += 34 + len(name) * 6.4
    return "".join(drawn)


def picture(dashboard: dict[str, Any], ask: Ask, rows: int) -> str:
    """The whole document."""
    panels, drawn, end = [p for p in dashboard["panels"] if p["gridPos"]["y"] < rows], [], 0
    for panel in panels:
        at, unit = panel["gridPos"], panel["fieldConfig"]["defaults"]["unit"]
        width, height = at["w"] * COLUMN - GAP, at["h"] * ROW - GAP
        x, y = at["x"] * COLUMN + GAP, at["y"] * ROW + GAP + 40
        end = max(end, y + height + GAP)
        draw = stat if panel["type"] == "stat" else chart
        drawn.append(
            f'<g transform="translate({x} {y})"><rect class="p" width="{width}" height="{height}" '
            f'rx="6"/>{heading(panel["title"], width - 28)}'
            f"{draw(series_of(panel, ask), unit, width, height)}</g>"
        )
    width = 24 * COLUMN + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {end}" role="img" '
        f"font-family=\"Inter, 'Segoe UI', system-ui, 'DejaVu Sans', sans-serif\">"
        f"<title>The dashboard {escape(dashboard['title'])}</title><style>{STYLE}</style>"
        f'<rect width="{width}" height="{end}" fill="#f3eee4"/>'
        f'<text x="{GAP + 4}" y="32" style="font-size:18px;font-weight:600">'
        f"{escape(dashboard['title'])}</text>{''.join(drawn)}</svg>\n"
    )


def main(file: str, prometheus: str, out: str, minutes: str = "10", rows: str = "1000") -> None:
    """Draw."""
    dashboard = json.loads(Path(file).read_text())
    svg = picture(dashboard, lambda query: asked(prometheus, query, float(minutes)), int(rows))
    Path(out).write_text(svg)


if __name__ == "__main__":
    main(*sys.argv[1:])
