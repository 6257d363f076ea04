# The paper's experiment: TSJNet driven by Faster R-CNN R50-FPN and DeepLabV3+ R101, trained on
# MSRS at the original size, batch 2 a GPU, mixed precision, 40 epochs:
#     bash tools/dist_train.sh configs/tsjnet/tsjnet_official_joint_40e_msrs.py 4
_base_ = [
    '../_base_/models/tsjnet_official.py',
    '../_base_/models/losses_mff.py',
    '../_base_/models/detector_faster-rcnn_r50_fpn.py',
    '../_base_/models/segmentor_deeplabv3plus_r101.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/adam_plateau_40e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='JointFusor',
    fusor=dict(_base_.fusor, losses=_base_.losses),
    detector=_base_.detector,
    segmentor=_base_.segmentor,
)
