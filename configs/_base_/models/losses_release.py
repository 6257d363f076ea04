# The authors' release (and the paper's second version): intensity and gradient of the stronger
# source, SSIM weighted by gradient share, the diversity term with the other sign. There the
# visible reconstruction has the larger weight.
losses = dict(
    intensity=dict(type='IntensityLoss', loss_weight=20.0),
    gradient=dict(type='GradientLoss', loss_weight=20.0),
    ssim=dict(type='SSIMLoss', weighting='gradient', loss_weight=10.0),
    diversity=dict(type='DiversityLoss', sign=1, loss_weight=0.1),
    ir_reconstruction=dict(type='ReconstructionLoss', modality='ir', loss_weight=1.0),
    vi_reconstruction=dict(type='ReconstructionLoss', modality='vi', loss_weight=6.0),
)
