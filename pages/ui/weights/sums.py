"""The chosen layer in numbers: the sums of its weights before and now, and what sums hide."""

import streamlit as st

from mnist_core.analysis.weights import LayerChange, change
from pages.ui.format import percent
from pages.ui.frame.view import View
from pages.ui.weights.looked import Looked

__all__ = ["draw_sums"]

DIGITS = 4
READ = (
    "A sum stays the same where as much goes up as down; the rows below it tell how large the weights are, how far they"
    " went and how far they turned."
)
NOT_FINITE = "Some of these weights are not finite numbers, so what follows from them is not either."


def draw_sums(view: View, looked: Looked) -> None:
    """Draws them as two small tables.

    Args:
        view: what is looked at.
        looked: the layer at both cursors.
    """
    epochs = looked.before.epoch, looked.now.epoch
    found = _change(view.run.id, looked.layer.name, epochs, looked)
    st.subheader(f"{looked.layer.name} in numbers", anchor=False)
    rows = [
        ("sum of the weights", found.kernel_sum_before, found.kernel_sum),
        ("sum of the biases", found.bias_sum_before, found.bias_sum),
        ("norm of the weights", found.kernel_norm_before, found.kernel_norm),
    ]
    lines = [f"| {looked.layer.name} | before, epoch {epochs[0]} | now, epoch {epochs[1]} |", "|:--|--:|--:|"]
    lines += [f"| {name} | {_number(was)} | {_number(now)} |" for name, was, now in rows]
    st.markdown("\n".join(lines))
    st.markdown("\n".join(_moved(found)))
    st.caption(READ if found.change == found.change else NOT_FINITE)


@st.cache_resource(max_entries=1000, show_spinner=False)
def _change(run_id: str, layer: str, epochs: tuple[int, int], _looked: Looked) -> LayerChange:  # noqa: ARG001
    return change(_looked.before.weights, _looked.now.weights)


def _moved(found: LayerChange) -> list[str]:
    share = "" if found.relative_change is None else f" ({percent(found.relative_change)} of the norm before)"
    cosine = "none, as a kernel is 0" if found.cosine is None else _number(found.cosine)
    return [
        "| from before to now | |",
        "|:--|--:|",
        f"| change | {_number(found.change)}{share} |",
        f"| cosine | {cosine} |",
        f"| weights that changed their sign | {percent(found.sign_changes)} |",
    ]


def _number(value: float | None) -> str:
    """As many decimals in every row."""
    if value is None:
        return "none"
    text = f"{value:,.{DIGITS}f}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text.replace(",", "")) else f"{0:.{DIGITS}f}"
