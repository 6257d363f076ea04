# ESPNetv2, trained on Cityscapes by its authors: 0.8 M parameters, for CPUs. Its weights are
# converted from the authors' (docs/models.md):
#     python tools/model_converters/convert_driver.py espnetv2 \
#         espnetv2_s_2.0_cityscapes.pth checkpoints/espnetv2.pth
# Frozen. Its outputs are 0 to 18, the classes of Cityscapes, and 19 all other things; label_map
# has those that count as each of MSRS's classes, the last five of which have no counterpart.
segmentor = dict(
    type='SegmentationDriver',
    model=dict(
        type='EncoderDecoder',
        data_preprocessor=dict(
            type='SegDataPreProcessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=True,
            size_divisor=16,
        ),
        backbone=dict(type='tsjnet_mm.ESPNetv2'),
        decode_head=dict(type='tsjnet_mm.ESPNetv2Head', num_classes=20),
        test_cfg=dict(mode='whole'),
    ),
    weights='{{$TSJNET_DRIVERS:checkpoints}}/espnetv2.pth',
    label_map=[
        [*range(11), 16, 19],  # background: roads to sky, trains, and other things
        [13, 14, 15],  # car: car, truck, bus
        [11, 12],  # person: person, rider
        [17, 18],  # bike: motorcycle, bicycle
        *[-1] * 5,
    ],
    appearance='colour',
)
