# The paper's second version (arXiv:2402.01212v2), as far as the authors' release shows it: its
# losses, its schedule, no flips, the objectness of proposals among the detector's terms. Two
# things are repaired: the segmentor's target is the mask and not zero, and the segmentor, whose
# last layer is new, is trained. The detector is frozen, as it is in effect in the release.
_base_ = [
    '../_base_/models/tsjnet_official.py',
    '../_base_/models/losses_release.py',
    '../_base_/models/detector_faster-rcnn_r50_fpn.py',
    '../_base_/models/segmentor_deeplabv3plus_r101.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/adam_plateau_100e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='JointFusor',
    fusor=dict(_base_.fusor, losses=_base_.losses),
    detector=dict(_base_.detector, loss_terms=['loss_rpn_cls', 'loss_rpn_bbox', 'loss_bbox']),
    segmentor=_base_.segmentor,
)
train_pipeline = [
    dict(type='LoadPair'),
    dict(type='LoadPairAnnotations'),
    dict(type='PackFusionInputs'),
]
train_dataloader = dict(drop_last=True, dataset=dict(pipeline=train_pipeline))
