import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from tsjnet_mm.registry import VISUALIZERS
from tsjnet_mm.structures import FusionDataSample
from tsjnet_mm.utils import recolour
from tsjnet_mm.visualization import FusionVisualizer, class_colour, draw_boxes

HEIGHT, WIDTH = 48, 64
META = {
    'classes': ('person', 'bicycle', 'car'),
    'seg_classes': ('background', 'car', 'person'),
}


@pytest.fixture
def visualizer():
    result = FusionVisualizer()
    result.dataset_meta = META
    yield result
    result.close()


@pytest.fixture
def pair():
    ir = torch.linspace(0, 1, WIDTH).expand(1, HEIGHT, WIDTH).clone()
    vi = torch.full((3, HEIGHT, WIDTH), 0.2)
    vi[0, :, 40:] = 0.6
    return ir, vi


def instances(boxes=((8, 10, 30, 40),), labels=(2,), scores=None):
    result = InstanceData(
        bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        labels=torch.tensor(labels, dtype=torch.int64),
    )
    if scores is not None:
        result.scores = torch.tensor(scores)
    return result


def mask(label):
    data = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.int64)
    data[:, 20:30, 5:25] = label
    return PixelData(data=data)


def panels_of(sheet, count):
    """The cells of a sheet of one row with titles."""
    assert sheet.shape == (4 + 20 + HEIGHT + 4, 4 + count * (WIDTH + 4), 3)
    lefts = [4 + index * (WIDTH + 4) for index in range(count)]
    return [sheet[24 : 24 + HEIGHT, left : left + WIDTH] for left in lefts]


def to_uint8(tensor):
    return (tensor.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)


def test_is_registered():
    assert VISUALIZERS.get('FusionVisualizer') is FusionVisualizer


def test_panels_in_order_with_their_pixels(visualizer, pair):
    ir, vi = pair
    sample = FusionDataSample()
    sample.fused = PixelData(data=torch.full((1, HEIGHT, WIDTH), 0.5))
    sample.gt_instances = instances()
    sample.gt_sem_seg = mask(2)
    sheet = visualizer.add_datasample('pair', ir, vi, sample)
    infrared, visible, fused, boxes, masks = panels_of(sheet, 5)
    assert np.array_equal(infrared, to_uint8(ir.expand(3, -1, -1)))
    assert np.array_equal(visible, to_uint8(vi))
    expected = to_uint8(recolour(sample.fused.data, vi))
    assert np.array_equal(fused, expected)
    named = draw_boxes(expected, [[8, 10, 30, 40]], ['car'], [class_colour('car')])
    assert np.array_equal(boxes, named)
    inside = masks[20:30, 5:25].astype(float)
    tint = 0.4 * expected[20:30, 5:25] + 0.6 * np.array(class_colour('person'))
    assert np.abs(inside - tint).max() <= 1
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[20:30, 5:25] = False
    assert np.array_equal(masks[outside], expected[outside])


def test_red_stays_red(visualizer, pair):
    ir, vi = pair
    sample = FusionDataSample()
    sample.fused = PixelData(data=torch.full((1, HEIGHT, WIDTH), 0.5))
    fused = panels_of(visualizer.add_datasample('pair', ir, vi, sample), 3)[2].astype(int)
    assert (fused[:, 40:, 0] - fused[:, 40:, 1:].max(axis=2) > 60).all()
    assert (np.ptp(fused[:, :40], axis=2) <= 1).all()


def test_without_a_sample_only_the_pair(visualizer, pair):
    panels_of(visualizer.add_datasample('pair', *pair), 2)


def test_boxes_go_onto_the_visible_where_nothing_is_fused(visualizer, pair):
    sample = FusionDataSample()
    sample.gt_instances = instances()
    panel = panels_of(visualizer.add_datasample('pair', *pair, sample), 3)[2]
    assert np.array_equal(panel[41:, 40:], to_uint8(pair[1])[41:, 40:])
    assert panel[39, 20].tolist() == list(class_colour('car'))


def test_predictions_are_beside_the_truth_and_weak_ones_are_left_out(visualizer, pair):
    sample = FusionDataSample()
    sample.gt_instances = instances()
    sample.pred_instances = instances(
        ((2, 20, 20, 44), (30, 20, 60, 44)), (0, 0), scores=(0.9, 0.1)
    )
    sample.gt_sem_seg, sample.pred_sem_seg = mask(2), mask(1)
    sheet = visualizer.add_datasample('pair', *pair, sample)
    _, _, true_boxes, boxes, true_masks, masks = panels_of(sheet, 6)
    plain = to_uint8(pair[1])
    assert true_boxes[39, 20].tolist() == list(class_colour('car'))
    assert true_boxes[43, 10].tolist() == plain[43, 10].tolist()
    assert boxes[43, 10].tolist() == list(class_colour('person'))
    assert np.array_equal(boxes[:, 30:][20:], plain[:, 30:][20:])
    assert boxes[39, 26].tolist() == plain[39, 26].tolist()
    for panel, name in ((true_masks, 'person'), (masks, 'car')):
        tint = np.array(class_colour(name)) * 0.6 + plain[25, 10] * 0.4
        assert np.abs(panel[25, 10] - tint).max() <= 1
    titles = visualizer.draw_row(*pair, sample)[1]
    assert titles[2:4] == ['boxes, true', 'boxes, found']
    assert [title[0][0] for title in titles[4:]] == ['masks, true:', 'masks, found:']


def test_kinds_can_be_switched_off(visualizer, pair):
    sample = FusionDataSample()
    sample.gt_instances, sample.pred_instances = instances(), instances(scores=(0.0,))
    drawn = panels_of(visualizer.add_datasample('pair', *pair, sample, draw_pred=False), 3)
    assert (drawn[2] != to_uint8(pair[1])).any()
    drawn = panels_of(visualizer.add_datasample('pair', *pair, sample, draw_gt=False), 3)
    assert np.array_equal(drawn[2], to_uint8(pair[1]))
    sheet = visualizer.add_datasample('pair', *pair, sample, draw_gt=False, draw_pred=False)
    panels_of(sheet, 2)


def test_arrays_and_8_bit_tensors_draw_the_same(visualizer, pair):
    ir, vi = pair
    ir8, vi8 = ((image * 255).round().to(torch.uint8) for image in pair)
    expected = visualizer.add_datasample('pair', ir, vi)
    for again in (
        (ir[0].numpy(), vi.permute(1, 2, 0).numpy()),
        (ir8, vi8),
        (ir8[0].numpy(), vi8.permute(1, 2, 0).numpy()),
    ):
        assert np.array_equal(visualizer.add_datasample('pair', *again), expected)


def test_grey_visible(visualizer, pair):
    sample = FusionDataSample()
    sample.fused = PixelData(data=pair[0] * 0.5)
    sheet = visualizer.add_datasample('pair', pair[0], pair[1][:1], sample)
    assert np.array_equal(panels_of(sheet, 3)[2], to_uint8((pair[0] * 0.5).expand(3, -1, -1)))


def test_classes_without_names_are_numbered(pair):
    visualizer = FusionVisualizer()
    sample = FusionDataSample()
    sample.gt_instances, sample.gt_sem_seg = instances(labels=(4,)), mask(5)
    panels, titles = visualizer.draw_row(*pair, sample)
    assert titles[-1][1:] == [('0', class_colour('0', 0)), ('5', class_colour('5', 5))]
    assert panels[-2][39, 20].tolist() == list(class_colour('4', 4))


def test_ignored_pixels_are_not_drawn(visualizer, pair):
    sample = FusionDataSample()
    sample.gt_sem_seg = mask(255)
    panels, titles = visualizer.draw_row(*pair, sample)
    assert np.array_equal(panels[-1], to_uint8(pair[1]))
    assert len(titles[-1]) == 1


def test_wrong_input_is_named(visualizer, pair):
    with pytest.raises(TypeError, match='ir must be a tensor or an array, got list'):
        visualizer.add_datasample('pair', [[0.0]], pair[1])
    with pytest.raises(ValueError, match=r'vi must be .* got \(2, 8, 8\)'):
        visualizer.add_datasample('pair', pair[0], torch.zeros(2, 8, 8))


def test_file_has_rgb_order_and_backends_are_spared(tmp_path, pair):
    visualizer = FusionVisualizer(
        vis_backends=[{'type': 'LocalVisBackend'}], save_dir=str(tmp_path / 'run')
    )
    path = tmp_path / 'out' / 'pair.png'
    sheet = visualizer.add_datasample('pair', *pair, out_file=path)
    assert np.array_equal(cv2.imread(str(path))[..., ::-1], sheet)
    assert not list((tmp_path / 'run').rglob('*.png'))


def test_backends_get_the_sheet(tmp_path, pair):
    event_accumulator = pytest.importorskip(
        'tensorboard.backend.event_processing.event_accumulator'
    )
    visualizer = FusionVisualizer(
        vis_backends=[{'type': 'LocalVisBackend'}, {'type': 'TensorboardVisBackend'}],
        save_dir=str(tmp_path),
    )
    sheet = visualizer.add_datasample('val_00001N', *pair, step=3)
    visualizer.close()
    local = tmp_path / 'vis_data' / 'vis_image' / 'val_00001N_3.png'
    assert np.array_equal(cv2.imread(str(local))[..., ::-1], sheet)
    events = event_accumulator.EventAccumulator(str(tmp_path / 'vis_data'))
    events.Reload()
    (event,) = events.Images('val_00001N')
    encoded = np.frombuffer(event.encoded_image_string, np.uint8)
    assert event.step == 3
    assert np.array_equal(cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1], sheet)


def test_window_shows_the_sheet(visualizer, pair, monkeypatch):
    shown = []
    monkeypatch.setattr(
        visualizer, 'show', lambda *args, **kwargs: shown.append((args, kwargs))
    )
    sheet = visualizer.add_datasample('pair', *pair, show=True, wait_time=0.5)
    ((image,), options) = shown[0]
    assert np.array_equal(image, sheet)
    assert options == {'win_name': 'pair', 'wait_time': 0.5}


def test_real_pair(visualizer, real_data, tmp_path):
    ir = cv2.imread(str(real_data / 'MSRS/train/ir/00009N.png'), cv2.IMREAD_GRAYSCALE)
    vi = cv2.imread(str(real_data / 'MSRS/train/vi/00009N.png'))[..., ::-1]
    sample = FusionDataSample()
    sample.fused = PixelData(data=torch.from_numpy(np.maximum(ir, vi[..., 1]))[None] / 255)
    sheet = visualizer.add_datasample('real', ir, vi, sample)
    assert sheet.shape == (4 + 30 + 480 + 4, 4 + 3 * 644, 3)
    assert np.array_equal(sheet[34:514, 648:1288], vi)
