# The light preset with all parts of the paper: the NAT is the second branch.
_base_ = './tsjnet_light.py'
local = dict(
    type='NeighborhoodAttentionTransformer',
    channels=_base_.channels,
    embed_channels=32,
    depths=(2, 2),
    num_heads=(2, 4),
    kernel_size=7,
    mlp_ratio=2,
    drop_path_rate=0.05,
    neck_channels=32,
    upsample='bilinear',
)
fusor = dict(features=dict(local=local), fusion_layer=dict(local=local))
