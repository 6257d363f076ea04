# Table 3, "w/o L_Det".
_base_ = './tsjnet_small-nano_joint_40e_msrs.py'
model = dict(detector=None)
train_dataloader = dict(dataset=dict(annotations=['masks']))
