# FMB: training on train (1220 pairs), testing on test (280), at the original 800x600; loaded as
# MSRS is, but it has masks alone.
_base_ = ['msrs.py']
dataset_type = 'FMBDataset'
data_root = 'data/FMB/'
train_dataloader = dict(
    dataset=dict(type=dataset_type, data_root=data_root, annotations=['masks'])
)
val_dataloader = dict(dataset=dict(type=dataset_type, data_root=data_root))
test_dataloader = val_dataloader
