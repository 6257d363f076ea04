# A small detection driver for CPUs and demonstrations: three classes, no pretrained weights, so
# it trains along, and all its terms count: a detector that never learns to find gives no drive.
_base_ = ['mmdet::_base_/models/faster-rcnn_r50_fpn.py']
detector = dict(type='DetectionDriver', model=_base_.pop('model'), frozen=False)
detector['loss_terms'] = ['*loss*']
detector['model']['backbone'].update(depth=18, frozen_stages=-1, norm_eval=False, init_cfg=None)
detector['model']['neck'].update(in_channels=[64, 128, 256, 512], out_channels=64)
detector['model']['rpn_head'].update(in_channels=64, feat_channels=64)
detector['model']['rpn_head']['anchor_generator']['scales'] = [4]
detector['model']['roi_head']['bbox_roi_extractor']['out_channels'] = 64
detector['model']['roi_head']['bbox_head'].update(
    in_channels=64, fc_out_channels=128, num_classes=3
)
detector['model']['train_cfg']['rpn_proposal'].update(nms_pre=500, max_per_img=200)
detector['model']['train_cfg']['rcnn']['sampler']['num'] = 128
