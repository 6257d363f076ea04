# The second stage of the shipped tsjnet-tiny: that of tsjnet-light with a larger weight of CV.
_base_ = './tsjnet_tiny_margin_50e_mixed.py'
load_from = 'work_dirs/tsjnet_tiny_margin_50e_mixed/epoch_50.pth'
model = dict(
    losses=dict(
        ssim=dict(loss_weight=1.75),
        cc=dict(loss_weight=0.8),
        cv=dict(loss_weight=1.0),
        vif=dict(loss_weight=1.0),
        qabf=dict(loss_weight=4.5),
    )
)
optim_wrapper = dict(optimizer=dict(lr=7e-4))
train_cfg = dict(max_epochs=8, val_interval=8)
