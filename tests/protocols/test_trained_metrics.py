import pytest

from tsjnet_mm.protocols.trained_metrics import trained_metrics, with_same


def test_losses_of_the_shipped_weights_name_their_metrics():
    found = set(trained_metrics('tsjnet-light'))
    # PSNR and RMSE are functions of MSE.
    assert found == {'SSIM', 'MSE', 'PSNR', 'RMSE', 'CC', 'CV', 'VIF', 'Qabf', 'SD', 'SF'}


def test_metafiles_name_them_for_published_networks():
    assert set(trained_metrics('u2fusion')) == {'SSIM', 'MSE', 'PSNR', 'RMSE'}
    for name in ('datfuse', 'dcevo'):
        assert {'SSIM', 'MSE'} <= set(trained_metrics(name))
    assert trained_metrics('superfusion') == trained_metrics('lutfuse') == ('SSIM',)
    assert set(trained_metrics('sage')) == {'MSE', 'PSNR', 'RMSE'}
    assert trained_metrics('laplacian') == () == trained_metrics('ifcnn-max')


def test_names_are_checked():
    assert with_same(['Qabf']) == ('Qabf',)
    with pytest.raises(ValueError, match="'PSRN' is no metric"):
        with_same(['PSRN'])
