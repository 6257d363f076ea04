# YOLOX-nano, trained on COCO, whose first three classes are MSRS's person, bicycle and car:
# 0.9 M parameters, for CPUs. Its file of weights is converted from the published ONNX file
# (docs/models.md):
#     python tools/model_converters/convert_driver.py yolox-nano yolox_nano.onnx \
#         checkpoints/yolox_nano.pth
# Frozen. It reads BGR in 0..255 and is trained on images that are padded with 114.
detector = dict(
    type='DetectionDriver',
    config='mmdet::yolox/yolox_nano_8xb8-300e_coco.py',
    model=dict(data_preprocessor=dict(pad_value=114)),
    weights='{{$TSJNET_DRIVERS:checkpoints}}/yolox_nano.pth',
    label_map=[0, 1, 2],
    appearance='colour',
)
