# Table 3, "w/o L_Det, L_Seg".
_base_ = './tsjnet_light-nano_joint_40e_msrs.py'
model = dict(detector=None, segmentor=None)
train_dataloader = dict(dataset=dict(annotations=[]))
