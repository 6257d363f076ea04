# The schedule of the authors' release: Adam 1e-4 with weight decay, x0.1 after the fourth epoch
# in a row without a lower training loss, 100 epochs, mixed precision. The release clips scaled
# gradients; here the limit holds for the gradients themselves.
optim_wrapper = dict(
    type='AmpOptimWrapper',
    optimizer=dict(type='Adam', lr=1e-4, weight_decay=0.01),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [dict(type='ReduceOnTrainLossLR', factor=0.1, patience=3)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
custom_hooks = [dict(type='TrainLossPlateauHook')]
