"""What differs between two predictions, against sets and sums."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from mnist_core.analysis.change import change, common_rows

CLASSES = 4
TRIPLES = st.lists(st.tuples(*[st.integers(0, CLASSES - 1)] * 3), max_size=60)
IDS = st.sets(st.integers(0, 200)).map(lambda ids: np.array(sorted(ids), np.int32))


@given(TRIPLES)
def test_each_image_is_where_it_belongs(triples):
    labels, before, after = np.array(triples, np.uint8).reshape(-1, 3).T
    found = change(labels, before, after, CLASSES)
    each = list(enumerate(triples))
    assert found.fixed.tolist() == [row for row, (true, was, now) in each if was != true == now]
    assert found.broken.tolist() == [row for row, (true, was, now) in each if was == true != now]


@given(TRIPLES)
def test_the_matrix_is_after_minus_before(triples):
    labels, before, after = np.array([(0, 0, 0), *triples], np.uint8).T
    found = change(labels, before, after, CLASSES)
    every = range(CLASSES)
    reference = confusion_matrix(labels, after, labels=every) - confusion_matrix(labels, before, labels=every)
    assert np.array_equal(found.confusion, reference)
    assert not found.confusion.sum(1).any()
    assert np.trace(found.confusion) == len(found.fixed) - len(found.broken)


@given(IDS, IDS)
def test_shared_images_stand_at_the_same_place_of_both_answers(ids, others):
    mine, theirs = common_rows(ids, others)
    assert ids[mine].tolist() == others[theirs].tolist() == sorted({*ids.tolist()} & {*others.tolist()})
