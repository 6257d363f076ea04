# Table 3, "w/o L_Seg".
_base_ = './tsjnet_small-nano_joint_40e_msrs.py'
model = dict(segmentor=None)
train_dataloader = dict(dataset=dict(annotations=['boxes']))
