# The same parts for modest hardware: features at a quarter of the resolution, summed as in the
# paper's Eq. 6, bilinear upsampling in the NAT; the decoder takes full-resolution detail from
# the two images, whose bands its features weigh against each other.
channels = 24
detail = dict(type='DetailSalienceModule', channels=channels)
local = dict(
    type='NeighborhoodAttentionTransformer',
    channels=channels,
    embed_channels=32,
    depths=(2, 2),
    num_heads=(2, 4),
    kernel_size=7,
    mlp_ratio=2,
    drop_path_rate=0.05,
    neck_channels=32,
    upsample='bilinear',
)
trunk = dict(
    stem_channels=(16, 16, 32),
    planes=16,
    expansion=2,
    stride=1,
    min_attention_channels=8,
)
fusor = dict(
    type='TSJNet',
    encoder=dict(
        type='BaseResNeStEncoder',
        embed_channels=12,
        embed_stride=2,
        refine_channels=(channels,),
        trunk=dict(trunk, stride=2),
    ),
    features=dict(type='LocalSignificantModule', detail=detail, local=local),
    fusion_layer=dict(type='SumFusionLayer', detail=detail, local=local),
    decoder=dict(
        type='BaseResNeStDecoder',
        in_channels=channels,
        merge='sum',
        num_heads=4,
        reduced_channels=24,
        hidden_channels=32,
        upsample=4,
        bands=4,
        trunk=trunk,
    ),
)
