# The official structure at a quarter of its width. Features and output keep the resolution of
# the image, and the decoder computes the fused image from features alone, as in the paper.
channels = 16
detail = dict(type='DetailSalienceModule', channels=channels)
local = dict(
    type='NeighborhoodAttentionTransformer',
    channels=channels,
    embed_channels=16,
    depths=(3, 4, 6, 5),
    num_heads=(1, 2, 4, 8),
    kernel_size=7,
    mlp_ratio=3,
    drop_path_rate=0.2,
    neck_channels=32,
)
trunk = dict(stem_channels=(16, 16, 32), planes=32, expansion=4, min_attention_channels=8)
fusor = dict(
    type='TSJNet',
    encoder=dict(type='BaseResNeStEncoder', refine_channels=(64, 32, channels), trunk=trunk),
    features=dict(type='LocalSignificantModule', detail=detail, local=local),
    fusion_layer=dict(type='SumFusionLayer', detail=detail, local=local),
    decoder=dict(
        type='BaseResNeStDecoder',
        in_channels=channels,
        merge='sum',
        reduced_channels=8,
        hidden_channels=64,
        trunk=trunk,
    ),
)
