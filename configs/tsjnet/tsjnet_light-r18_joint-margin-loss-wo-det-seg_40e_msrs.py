# With the loss of the shipped weights, and without drivers.
_base_ = './tsjnet_light-r18_joint-margin-loss_40e_msrs.py'
model = dict(detector=None, segmentor=None)
train_dataloader = dict(dataset=dict(annotations=[]))
