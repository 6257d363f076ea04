# Table 3, "w/o DSM": the detail branches pass their features on unchanged.
_base_ = './tsjnet_small-nano_joint_40e_msrs.py'
model = dict(fusor=dict(features=dict(detail=None), fusion_layer=dict(detail=None)))
