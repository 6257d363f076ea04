# Be better than the tuned Laplacian pyramid in the metrics themselves, on every crop. A scale
# is the difference (of the logarithm where relative) that counts as 1; the weights are larger
# where a lead is harder to get.
losses = dict(
    range=dict(type='RangeLoss', loss_weight=25.0),
    ssim=dict(type='MetricMarginLoss', metric='SSIM', scale=0.03),
    ssim_half=dict(
        type='MetricMarginLoss', metric='SSIM', scale=0.03, downsample=2, loss_weight=1.25
    ),
    mse=dict(
        type='MetricMarginLoss', metric='MSE', scale=0.08, relative=True, loss_weight=1.75
    ),
    cc=dict(type='MetricMarginLoss', metric='CC', scale=0.03, loss_weight=0.5),
    cv=dict(type='MetricMarginLoss', metric='CV', scale=0.15, relative=True, loss_weight=0.5),
    vif=dict(type='MetricMarginLoss', metric='VIF', scale=0.03, loss_weight=1.25),
    qabf=dict(type='MetricMarginLoss', metric='Qabf', scale=0.03, loss_weight=4.0),
    sd=dict(type='MetricMarginLoss', metric='SD', scale=0.05, relative=True, loss_weight=0.3),
    sf=dict(type='MetricMarginLoss', metric='SF', scale=0.05, relative=True, loss_weight=0.3),
)
