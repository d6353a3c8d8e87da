"""Arrays as pictures: tile k is channel k, colours are places on a scale, and what is folded is said."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from mnist_core.inference.image import LayerActivation
from mnist_core.palette import DARK, LIGHT
from pages.ui.network.layer_picture import Room, layer_html
from pages.ui.network.pictures import GAP, cells, indices, mosaic, png, ramp, scale_of, uri
from pages.ui.network.saliency_view import outline

COLOURS = LIGHT.sequential


def opened(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def pictures_in(html):
    return [opened(base64.b64decode(one)) for one in re.findall(r"data:image/png;base64,([^\"]+)", html)]


@pytest.mark.parametrize(("channels", "across"), [(1, 1), (7, 3), (8, 8), (5, 9)])
def test_tile_k_is_channel_k(channels, across):
    values = np.random.default_rng(0).integers(0, 255, (4, 3, channels), np.uint8)
    picture = mosaic(values, across)
    seen = np.full(picture.shape, False)
    for channel in range(channels):
        top, left = channel // across * 5, channel % across * 4
        assert np.array_equal(picture[top : top + 4, left : left + 3], values[..., channel])
        seen[top : top + 4, left : left + 3] = True
    assert (picture[~seen] == GAP).all()


def test_cells_go_from_left_to_right_and_down():
    assert cells(np.arange(5, dtype=np.uint8), 3).tolist() == [[0, 1, 2], [3, 4, GAP]]


def test_a_scale_starts_at_0_where_nothing_is_below_it_else_0_is_its_middle():
    low, high, signed = scale_of(np.float32([0.5, 2.0]), np.float32([4.0]))
    assert (low, high, signed) == (0, 4, False)
    scale = scale_of(np.float32([-1.0, 3.0]))
    assert scale == (-3, 3, True)
    assert indices(np.float32([-3, 0, 3]), scale).tolist() == [0, 127, 254]
    flat = scale_of(np.zeros(4, np.float32))
    assert indices(np.zeros(4, np.float32), flat).tolist() == [0] * 4


@pytest.mark.parametrize("colours", [LIGHT.sequential, DARK.diverging])
def test_a_picture_has_the_colours_of_its_scale_and_clear_gaps(colours):
    picture = opened(png(np.array([[0, 254, GAP]], np.uint8), colours))
    ends = [tuple(int(one[at : at + 2], 16) for at in (1, 3, 5)) for one in (colours[0], colours[-1])]
    assert [tuple(each) for each in picture[0, :2, :3].tolist()] == ends
    assert picture[0, :, 3].tolist() == [255, 255, 0]
    assert ramp(colours).shape == (256, 3)


def test_a_marked_place_has_a_colour_of_its_own():
    picture = opened(png(np.array([[253, 254]], np.uint8), COLOURS, marked="#123456"))
    assert picture[0, 1, :3].tolist() == [0x12, 0x34, 0x56]
    assert picture[0, 0, :3].tolist() != [0x12, 0x34, 0x56]


def test_an_address_holds_the_picture():
    data = png(np.zeros((2, 2), np.uint8), COLOURS)
    assert base64.b64decode(uri(data).partition(",")[2]) == data


def test_an_outline_goes_round_the_shape_and_leaves_its_inside():
    inside = np.zeros((4, 4), bool)
    inside[1:3, 1:3] = True
    found = outline(inside, 3)
    whole = inside.repeat(3, 0).repeat(3, 1)
    assert (found <= whole).all()
    assert found.sum() == 4 * 6 - 4
    assert not found[4:8, 4:8].any()


def layer(values, name="conv_1", kind="conv"):
    return LayerActivation(name, kind, np.asarray(values, np.float32))


def test_both_passes_have_one_scale():
    weak, strong = np.zeros((4, 4, 2)), np.zeros((4, 4, 2))
    weak[0, 0, 0], strong[0, 0, 0] = 1.0, 4.0
    alone, beside = (
        layer_html([layer(weak)], Room(640, True), LIGHT),
        layer_html([layer(weak), layer(strong)], Room(320, True), LIGHT),
    )
    (only,) = pictures_in(alone)
    left, right = pictures_in(beside)
    assert only[0, 0].tolist() == right[0, 0].tolist()
    assert left[0, 0].tolist() != right[0, 0].tolist()
    assert "0 to 1," in beside
    assert "0 to 4," in beside


def test_what_is_very_wide_is_folded_until_all_is_wanted():
    wide = layer(np.ones((7, 7, 200)))
    folded, whole = (layer_html([wide], Room(640, is_folded), LIGHT) for is_folded in (True, False))
    assert "the first 64 of 200" in folded
    assert "the first" not in whole
    tiles = [(pictures_in(one)[0][::8, ::8, 3] > 0).sum() for one in (folded, whole)]
    assert tiles == [64, 200]
    long = layer(np.ones(3000), "dense_1", "dense")
    assert "the first 1,024 of 3,000" in layer_html([long], Room(640, True), LIGHT)


def test_facts_of_a_layer():
    said = layer_html([layer([0.0, 0.0, -1.5, 3.25])], Room(640, True), LIGHT)
    assert "4 values" in said
    assert "-1.5 to 3.25, 50.00\u00a0% zeros" in said


def test_pixels_are_shown_as_they_are_stored():
    picture = layer_html([layer(np.array([[[0.0], [0.5]]]), "pixels", "pixels")], Room(640, True), DARK)
    (drawn,) = pictures_in(picture)
    assert drawn[0, :, :3].tolist() == [[0, 0, 0], [128, 128, 128]]
