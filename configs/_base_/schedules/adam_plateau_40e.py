# The paper's recipe: Adam 1e-3, x0.1 when the epoch's training loss has not improved three
# times in a row, 40 epochs, mixed precision. Gradients are clipped as in the authors' release.
# Drivers that train start from pretrained weights and move slowly.
optim_wrapper = dict(
    type='AmpOptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3),
    clip_grad=dict(max_norm=1.0),
    paramwise_cfg=dict(
        custom_keys={
            'detector': dict(lr_mult=0.1),
            'segmentor': dict(lr_mult=0.1),
        }
    ),
)
param_scheduler = [dict(type='ReduceOnTrainLossLR', factor=0.1, patience=2)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=40, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
custom_hooks = [dict(type='TrainLossPlateauHook')]
