# The fastest preset: `light` without the DSM, the spatial attention and the decoder's blocks.
_base_ = './tsjnet_light.py'
fusor = dict(
    encoder=dict(trunk=dict(num_blocks=1)),
    features=dict(detail=None),
    fusion_layer=dict(detail=None),
    decoder=dict(num_heads=0, trunk=dict(num_blocks=0)),
)
