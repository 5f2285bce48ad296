"""What was shown in a terminal, as an animated picture (SVG)."""

import io
import re

from rich.console import Console, Group
from rich.terminal_theme import MONOKAI
from rich.text import Text

WIDTH = 100
# Where a viewer shows no animation it shows the last frame.
FRAME = """<g class="frame">
<style>{styles}</style>
<g transform="translate({terminal_x}, {terminal_y})">{backgrounds}<g class="text">{matrix}</g></g>
</g>
<!--{chrome}|{width}|{height}-->"""
PICTURE = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.text {{ font: 20px monospace; white-space: pre; }}
[class$="-title"] {{ font: 18px sans-serif; }}
.frame {{ visibility: hidden; }}
.frame:last-of-type {{ visibility: visible; }}
{animation}
</style>
{chrome}
{frames}
</svg>
"""


def thinned(frames, most):
    """The first, the last, and others evenly between."""
    if len(frames) <= most:
        return frames
    return [frames[round(i * (len(frames) - 1) / (most - 1))] for i in range(most)]


class Recording:
    def __init__(self, title):
        self.title = title
        self.frames = []  # (key, renderable)

    def add(self, key, renderable):
        """`renderable` is a frame of its own unless the frame before had the same `key`."""
        if not self.frames or self.frames[-1][0] != key:
            self.frames.append((key, renderable))

    def save(self, path, most=14, seconds=1.5, last_seconds=12):
        shown = [renderable for _, renderable in thinned(self.frames, most)]
        lines = max(self._lines(renderable) for renderable in shown)
        drawn = [self._draw(renderable, lines, f"f{i}") for i, renderable in enumerate(shown)]
        chrome, width, height = re.search(r"<!--(.*)\|(.*)\|(.*)-->", drawn[-1], re.DOTALL).groups()
        whole = seconds * (len(drawn) - 1) + last_seconds
        animation, begin = [], 0.0
        for i in range(len(drawn)):
            end = begin + (last_seconds if i == len(drawn) - 1 else seconds)
            steps = [(0, i == 0), (100 * begin / whole, True), (100 * end / whole, False)]
            steps = "".join(f"{at:.2f}% {{visibility: {'visible' if on else 'hidden'}}} " for at, on in steps)
            animation.append(f"@keyframes k{i} {{ {steps}}}")
            animation.append(f".n{i} {{ animation: k{i} {whole}s step-end infinite; }}")
            begin = end
        frames = [re.sub("<!--.*-->", "", text, flags=re.DOTALL).replace('"frame"', f'"frame n{i}"')
                  for i, text in enumerate(drawn)]
        with open(path, "w") as file:
            file.write(PICTURE.format(width=width, height=height, chrome=chrome, animation="\n".join(animation),
                                      frames="\n".join(frames)))

    def _console(self):
        return Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")

    def _lines(self, renderable):
        return len(self._console().render_lines(renderable))

    def _draw(self, renderable, lines, name):
        """One frame, `lines` high."""
        console = self._console()
        padding = [Text("")] * (lines - self._lines(renderable))
        console.print(Group(renderable, *padding))
        drawn = console.export_svg(title=self.title, code_format=FRAME, unique_id=name, theme=MONOKAI)
        return re.sub(r' clip-path="[^"]*"', "", drawn)
