"""What the network makes of the image at the end: the probability of each class as a bar, true and predicted marked."""

from collections.abc import Sequence
from html import escape

import numpy as np

from mnist_core.inspection import ImageInspection
from mnist_core.palette import Palette
from pages.ui.format import percent

__all__ = ["MOST_CLASSES", "probabilities_html", "said_of_it"]

MOST_CLASSES = 12
"""Of more classes, the most probable and the true one are drawn."""

COLUMNS = "minmax(1.2em,auto) minmax(8px,1fr) 4em 4.6em"


def probabilities_html(found: ImageInspection, classes: Sequence[str], colours: Palette) -> str:
    """A row for each class: its name, its bar, its probability, and what marks it.

    Args:
        found: the image on its way.
        classes: names of the classes.
        colours: of the theme.
    """
    rows = "".join(_row(number, found, classes, colours) for number in _shown(found))
    look = (
        f"display:grid;grid-template-columns:{COLUMNS};gap:2px 8px;align-items:center;font-size:.8rem;line-height:1.4;"
        f"color:{colours.text};font-variant-numeric:tabular-nums"
    )
    return f'<div style="{look}">{rows}</div>'


def said_of_it(found: ImageInspection, classes: Sequence[str]) -> str:
    """True and predicted class in words, as HTML."""
    true, predicted = (escape(classes[number]) for number in (found.label, found.predicted))
    sure = percent(float(found.probabilities[found.predicted]))
    judged = "right" if found.label == found.predicted else "wrong"
    return f"true <b>{true}</b>, predicted <b>{predicted}</b> ({sure}), {judged}"


def _shown(found: ImageInspection) -> list[int]:
    number = len(found.probabilities)
    if number <= MOST_CLASSES:
        return list(range(number))
    others = [one for one in np.argsort(-found.probabilities, kind="stable").tolist() if one != found.label]
    return sorted([found.label, *others[: MOST_CLASSES - 1]])


def _row(number: int, found: ImageInspection, classes: Sequence[str], colours: Palette) -> str:
    chance = float(found.probabilities[number])
    is_true, is_predicted = number == found.label, number == found.predicted
    mark = "right" if is_true and is_predicted else "true" if is_true else "predicted" if is_predicted else ""
    colour = colours.right if is_true else colours.wrong if is_predicted else colours.muted
    bar = f"width:{100 * chance:.2f}%;min-width:1px;height:11px;border-radius:2px;background:{colour}"
    weight = "font-weight:600;" * bool(mark)
    return (
        f'<span style="{weight}overflow:hidden;text-overflow:ellipsis;white-space:nowrap">{escape(classes[number])}'
        f'</span><span style="display:block;{bar}"></span>'
        f'<span style="{weight}text-align:right">{percent(chance)}</span>'
        f'<span style="color:{colour}">{mark}</span>'
    )
