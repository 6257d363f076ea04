# The shipped light weights, trained further with small frozen drivers that know COCO's objects
# and Cityscapes' scenes (YOLOX-nano, ESPNetv2), on crops: joint training on a CPU. The image
# losses are those of the shipped weights, at full weight.
_base_ = [
    '../_base_/models/tsjnet_light.py',
    '../_base_/models/losses_margin.py',
    '../_base_/models/detector_yolox-nano.py',
    '../_base_/models/segmentor_espnetv2.py',
    '../_base_/datasets/msrs_crop.py',
    '../_base_/schedules/adamw_cosine_50e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='JointFusor',
    fusor=dict(
        _base_.fusor,
        losses=_base_.losses,
        init_cfg=dict(type='Pretrained', checkpoint='tsjnet_mm://tsjnet-light'),
    ),
    detector=_base_.detector,
    segmentor=_base_.segmentor,
)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
train_cfg = dict(max_epochs=40, val_interval=40)
