"""The report on each class as a table."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.evaluation import class_scores

__all__ = ["class_report", "report_table"]

ROW, MOST_ROWS = 35, 12


def report_table(confusion: NDArray[np.int64], classes: Sequence[str]) -> pd.DataFrame:
    """Precision, recall and F1 in percent, and support, of each class; then their averages, as scikit-learn has them.

    Args:
        confusion: int64 (classes, classes), rows true.
        classes: names of the classes.
    """
    scores = class_scores(confusion)
    averages = np.array([scores.average(weighted=False), scores.average(weighted=True)])
    shares = np.vstack([np.column_stack([scores.precision, scores.recall, scores.f1]), averages]) * 100
    table = pd.DataFrame(shares, columns=["precision", "recall", "F1"])
    table.insert(0, "class", [*classes, "macro avg", "weighted avg"])
    table["support"] = [*scores.support.tolist(), *[int(scores.support.sum())] * 2]
    return table


def class_report(confusion: NDArray[np.int64], classes: Sequence[str]) -> None:
    """Draws the table, its height fixed by the number of classes."""
    table = report_table(confusion, classes)
    table["bar"] = table["F1"]
    lowest = max(float(np.floor(table[["precision", "recall", "F1"]].to_numpy().min() / 10)) * 10 - 10, 0)
    number = st.column_config.NumberColumn
    share = partial(number, format="%.2f %%")
    st.dataframe(
        table,
        key="class_report",
        hide_index=True,
        height=ROW * (min(len(table), MOST_ROWS) + 1) + 3,
        column_config={
            "class": st.column_config.TextColumn(width=100),
            "precision": share(help="Of what was predicted as the class, how much is.", width=74),
            "recall": share(help="Of the class, how much was found.", width=62),
            "F1": share(help="The harmonic mean of precision and recall.", width=62),
            "support": number(help="How many images of the split are of the class.", format="localized", width=60),
            "bar": st.column_config.ProgressColumn(
                f"F1, from {lowest:.0f} % to 100 %", format=" ", min_value=lowest, max_value=100, width=240
            ),
        },
    )
