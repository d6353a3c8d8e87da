"""The diagram of a network: every layer is in it once, nothing lies outside of its piece, and it is well-formed."""

import re
from xml.etree import ElementTree

import pytest

from mnist_core.networks.catalogue import presets
from mnist_core.networks.layers import Activation, Conv, Dense, Flatten, Residual
from mnist_core.networks.shapes import flat, plan
from pages.ui.network.diagram import detail_of, pieces

SAME = Conv(filters=4, padding="same")
NESTED = (
    SAME,
    Residual(body=(SAME, Residual(body=(Activation(), Residual(body=(SAME,), shortcut="conv"))), SAME)),
    Flatten(),
    Dense(units=10, activation="linear"),
)
STACKS = {name: preset.layers(10) for name, preset in presets.items()} | {"nested": NESTED}


@pytest.mark.parametrize("name", STACKS)
def test_every_layer_is_in_it_once_in_the_order_of_the_flow(name):
    planned = plan(STACKS[name])
    drawn = [ElementTree.fromstring(one) for one in pieces(planned)]
    names = [text.text for one in drawn for text in one.iter("text") if text.get("class") == "name"]
    assert names == ["pixels", *expected(planned), "probabilities"]


def expected(planned):
    for place in planned:
        yield place.id
        yield from expected(place.body)
        if place.shortcut:
            yield place.shortcut.id


@pytest.mark.parametrize("name", STACKS)
def test_boxes_lie_inside_their_piece_and_on_no_other(name):
    for one in pieces(plan(STACKS[name])):
        drawn = ElementTree.fromstring(one)
        width, height = float(drawn.get("width")), float(drawn.get("height"))
        boxes = list(boxes_in(drawn, 0, 0))
        assert boxes
        for left, top, right, bottom in boxes:
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
        for place, one_box in enumerate(boxes):
            for other in boxes[place + 1 :]:
                apart = (
                    one_box[2] <= other[0] or other[2] <= one_box[0] or one_box[3] <= other[1] or other[3] <= one_box[1]
                )
                assert apart


def boxes_in(element, x, y):
    moved = re.fullmatch(r"translate\(([\d.]+) ([\d.]+)\)", element.get("transform", "translate(0 0)"))
    x, y = x + float(moved[1]), y + float(moved[2])
    if element.get("class") == "box":
        left, top = x + float(element.get("x")), y + float(element.get("y"))
        yield left, top, left + float(element.get("width")), top + float(element.get("height"))
    for inner in element:
        yield from boxes_in(inner, x, y)


def test_a_residual_block_fits_on_a_phone():
    widths = [float(ElementTree.fromstring(one).get("width")) for one in pieces(plan(presets["resnet-20"].layers(10)))]
    assert max(widths) <= 410


def test_sizes_and_parameters_stand_in_it():
    drawn = "".join(pieces(plan(presets["lenet-5x5"].layers(10))))
    for said in ("28 x 28 x 32", "5x5 same, relu", "3,212,288 parameters", "max 2x2", "rate 0.5", "10,250 parameters"):
        assert said in drawn


def test_the_details_tell_strides_and_axes():
    details = [detail_of(place) for place in flat(plan(presets["cnn-64-32-permuted"].layers(10)))]
    assert "order 3, 1, 2" in details
    strided = [detail_of(place) for place in flat(plan(presets["bottleneck-cnn"].layers(10)))]
    assert "3x3 /2 same, relu" in strided
