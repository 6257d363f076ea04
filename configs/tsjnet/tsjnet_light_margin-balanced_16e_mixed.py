# Second stage: goes on from tsjnet_light_margin_40e_mixed, which leads in SSIM, CC and CV but
# not everywhere in MSE, VIF and Qabf; these now weigh more.
_base_ = './tsjnet_light_margin_40e_mixed.py'
model = dict(
    losses=dict(
        ssim=dict(loss_weight=0.5),
        ssim_half=dict(loss_weight=0.5),
        mse=dict(loss_weight=2.0),
        cc=dict(loss_weight=0.5),
        cv=dict(loss_weight=0.5),
        vif=dict(loss_weight=2.0),
        qabf=dict(loss_weight=3.0),
    )
)
load_from = 'work_dirs/tsjnet_light_margin_40e_mixed/epoch_40.pth'
optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
train_cfg = dict(max_epochs=16)
randomness = dict(seed=1)
